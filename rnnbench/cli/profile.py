"""`rnnbench profile`: where the time of a step goes, what bounds it, what to try."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnbench.cli import MEASURE, app
from rnnbench.cli.saying import say
from rnnbench.errors import UsageError

MOST_CASES = 12
STEPS = ("forward", "backward", "train", "decode")


@app.command(rich_help_panel=MEASURE)
def profile(
    suite: Annotated[list[str] | None, typer.Option("--suite", "-s", help="A suite's name, or a path to bench_*.py.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1. Default: CUDA where it is.")] = None,
    preset: Annotated[str, typer.Option(help="Size of the cases: quick, standard, full.")] = "standard",
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="AXIS=V,V", help="Override an axis: depth=4.")] = None,
    select: Annotated[str, typer.Option(metavar="EXPR", help="""Keep cases: 'variant == "lstm" and depth == 4'.""")] = "",
    plugin: Annotated[list[str] | None, typer.Option(metavar="FILE", help="A Python file with variants of your own. It is run.")] = None,
    steps: Annotated[int, typer.Option(min=1, max=100, help="Steps under the profiler.")] = 5,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of torch.")] = None,
    results: Annotated[Path, typer.Option(help="Folder of runs, where the machine's ceilings are kept.")] = Path("results"),
    reports: Annotated[Path, typer.Option(help="Folder of reports.")] = Path("reports"),
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Run cases under torch.profiler: a page with an icicle chart, a trace for Perfetto, and three sentences. No record is made."""
    from rnnbench.analysis.profile import understood
    from rnnbench.journal import new_run_id
    from rnnbench.reports.profile_page import write_profile
    from rnnbench.roofline import Ceilings
    from rnnbench.runs.prepare import prepared
    from rnnbench.runs.profiles import profiles
    from rnnbench.runs.request import Request

    request = Request(
        suites=tuple(suite or ()),
        device=device,
        preset=preset,
        sets=tuple(sets or ()),
        select=select,
        plugins=tuple(plugin or ()),
        results=results,
        threads=threads,
        command=("rnnbench", *sys.argv[1:]),
    )
    folder = reports / new_run_id("profile")
    with prepared(request) as ready:
        if len(ready.plan.tasks) > MOST_CASES:
            raise UsageError(f"{len(ready.plan.tasks)} cases are too many to read; choose {MOST_CASES} or fewer with --select and --set")
        if trained := [case for case, _ in ready.plan.tasks if case.phase not in STEPS]:
            raise UsageError(f"{str(trained[0])!r} is no single step; choose a phase with --set phase={','.join(STEPS)} --set task=random")
        if shared := [case for case, _ in ready.plan.tasks if case.processes > 1 or case.accumulation > 1]:
            raise UsageError(f"{str(shared[0])!r} is not profiled: choose --set processes=1 --set accumulation=1")
        found = [understood(data, Ceilings.from_dict(told) if "device" in told else None) for data, told in profiles(ready, steps, folder)]
    page = write_profile(found, folder, f"{folder.name} · {ready.device}")
    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "id": str(one.record.case),
                "bound": one.record.bound,
                "least_s": dict(one.least_s),
                "kinds_s": dict(one.kinds),
                "sentences": one.sentences,
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
        say(f"{one.record.case}\n  " + "\n  ".join(one.sentences))
    say(f"\npage     {page}")
