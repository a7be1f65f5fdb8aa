"""`rnnbench profile`: where the time of a step goes, what bounds it, what to try, and what is seen in the model."""

import json
from typing import Annotated, Any

import typer

from rnnbench.cli.app import MEASURE, app
from rnnbench.cli.display.output import say
from rnnbench.cli.options import Given, requested, takes
from rnnbench.errors import UsageError

MOST_CASES = 12
STEPS = ("forward", "backward", "train", "decode")


@app.command(rich_help_panel=MEASURE)
@takes(
    *("suite", "device", "preset", "sets", "select", "plugin", "threads", "results", "reports", "as_json"),
    results=(None, "Folder of runs, where the machine's ceilings are kept."),
)
def profile(
    given: Given,
    steps: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="Number of steps under the profiler.")] = 5,
) -> None:
    """Run cases under torch.profiler: a page with an icicle chart, a trace for Perfetto, and sentences on what takes the time, what
    bounds the step, what to try, and what the model does that costs time. No record is made."""
    from rnnbench.analysis.profile import understood
    from rnnbench.journal import new_run_id
    from rnnbench.reports.forms.profile_page import write_profile
    from rnnbench.roofline import Ceilings
    from rnnbench.runs.prepare import prepared
    from rnnbench.runs.profiles import profiles

    folder = given["reports"] / new_run_id("profile")
    with prepared(requested(given)) as ready:
        if len(ready.plan.tasks) > MOST_CASES:
            raise UsageError(f"{len(ready.plan.tasks)} cases are too many to read; choose {MOST_CASES} or fewer with --select and --set")
        if trained := [case for case, _ in ready.plan.tasks if case.phase not in STEPS]:
            raise UsageError(f"{str(trained[0])!r} is no single step; choose a phase with --set phase={','.join(STEPS)} --set task=random")
        if shared := [case for case, _ in ready.plan.tasks if case.processes > 1 or case.accumulation > 1]:
            raise UsageError(f"{str(shared[0])!r} is not profiled: choose --set processes=1 --set accumulation=1")
        found = [understood(data, Ceilings.from_dict(told) if "device" in told else None) for data, told in profiles(ready, steps, folder)]
    page = write_profile(found, folder, f"{folder.name} · {ready.device}")
    if given["as_json"]:
        rows: list[dict[str, Any]] = [
            {
                "id": str(one.record.case),
                "bound": one.record.bound,
                "least_s": dict(one.least_s),
                "kinds_s": dict(one.kinds),
                "sentences": one.sentences,
                "causes": one.causes,
                "operators": one.data["operators"],
                "gaps": one.data["gaps"],
                "metrics": dict(one.record.metrics),
                "trace": str(folder / one.data["trace"]),
            }
            for one in found
        ]
        say(json.dumps({"page": str(page), "profiles": rows}, indent=1))
        return
    for one in found:
        say(f"{one.record.case}\n  " + "\n  ".join((*one.sentences, *one.causes)))
    say(f"\npage     {page}")
