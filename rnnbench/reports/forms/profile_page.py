"""The page of a profile: its sentences, an icicle chart, time by kind, operators. Self-contained, like every report."""

from collections.abc import Sequence
from pathlib import Path

from rnnbench import units
from rnnbench.analysis.profile import Profile
from rnnbench.errors import CannotWrite
from rnnbench.journal import replace_whole
from rnnbench.reports.draw.icicle import SLOT, icicle
from rnnbench.reports.draw.memory_chart import held
from rnnbench.reports.forms.html import rendered

MOST_OPERATORS = 25
PAGE = "profile.html"


def write_profile(profiles: Sequence[Profile], folder: Path, stamp: str) -> Path:
    """Write the page beside the traces."""
    sections = [
        {
            "id": str(one.record.case),
            "sentences": one.sentences,
            "causes": one.causes,
            "icicle": icicle(one.data["tree"], f"Call tree of a step of {one.record.case}"),
            "kinds": [
                (name, units.show("step_time_s", s), units.percent(s / (sum(one.kinds.values()) or 1)), SLOT.get(name, 7))
                for name, s in one.kinds.items()
            ],
            "rows": [_row(row, bool(one.data["kernels"])) for row in one.data["operators"][:MOST_OPERATORS]],
            "gaps": _gaps(one),
            "held": held(one.data.get("memory", {}), f"held-{number}"),
            "snapshot": one.data.get("snapshot", ""),
            "trace": one.data["trace"],
            "steps": one.data["steps"],
        }
        for number, one in enumerate(profiles)
    ]
    path = folder / PAGE
    try:
        replace_whole(path, rendered("profile.html.j2", sections=sections, stamp=stamp).encode())
    except OSError as error:
        raise CannotWrite(path, error.strerror or error) from None
    return path


def _row(row: dict[str, float | str], device: bool) -> tuple[str, ...]:
    own = row["device_s"] if device else row["self_s"]
    return str(row["name"]), f"{row['calls']:g}", units.show("step_time_s", float(own))


def _gaps(one: Profile) -> str:
    gaps = one.data["gaps"]
    idle = "the device waited" if one.data["kernels"] else "no operator ran"
    whole, longest = (units.show("step_time_s", gaps[name]) for name in ("seconds", "longest_s"))
    return f"Within a step, {idle} for {whole} in {gaps['count']:g} gaps, the longest {longest}."
