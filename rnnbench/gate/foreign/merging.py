"""Several files of one measurement merged into one side: each adds its processes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnbench.errors import BadResults
from rnnbench.gate.match import HARDWARE, at_path
from rnnbench.gate.side import Observed, Side

_SOFTWARE = ("os", "python", "python_implementation", "environment", "library", "torch.version")
COMMIT = "@"


def merged(label: str, where: Path, found: Mapping[Path, Side]) -> Side:
    """One side. Files that hold the same figures are copies of one session and count once. Raises BadResults where files are of several
    machines, conditions or commits: what they differ in, and how to name one of them."""
    single: dict[str, tuple[Path, Side]] = {}
    for path, side in found.items():
        single.setdefault(fingerprint(side), (path, side))
    sides = dict(single.values())
    if differing := _differing(sides):
        raise BadResults(where, differing)
    first = next(iter(sides.values()))
    if len(found) == 1:
        return replace(first, label=label)
    copies = len(found) - len(sides)
    notes = dict.fromkeys(note for side in sides.values() for note in side.notes)
    told = [f"{copies} of {len(found)} files are copies of another and count once"] if copies else []
    if len({bool(side.commit.get("dirty")) for side in sides.values()}) > 1:
        told.append("some sessions are of a changed checkout, some of a clean one")
    return replace(
        first,
        label=label,
        cases=_cases(list(sides.values())),
        taken_utc=min((side.taken_utc for side in sides.values() if side.taken_utc), default=""),
        notes=(*notes, *told),
    )


def of_commit(found: Mapping[Path, Sequence[Side]], commit: str, where: Path) -> dict[Path, list[Side]]:
    """Only what was measured at a commit, by the beginning of its hash; raises BadResults with the commits that there are."""
    if not commit:
        return {path: list(sides) for path, sides in found.items()}
    chosen = {path: [side for side in sides if _hash(side).startswith(commit)] for path, sides in found.items()}
    kept = {path: sides for path, sides in chosen.items() if sides}
    if not kept:
        raise BadResults(
            where, f"it holds nothing of commit {commit!r}; it has {_listed(_hash(side) for sides in found.values() for side in sides)}"
        )
    return kept


def _hash(side: Side) -> str:
    return str(side.commit.get("hash", ""))


def fingerprint(side: Side) -> str:
    """All that was measured, as text: two sessions never agree to the last digit in all of it."""
    return json.dumps(
        {name: [one.status, {metric: sorted(values.items()) for metric, values in one.values.items()}] for name, one in side.cases.items()},
        sort_keys=True,
    )


def _differing(sides: Mapping[Path, Side]) -> str:
    """What files of one side must share and do not, in words; what a file does not state is no difference."""
    facts: list[tuple[str, dict[Path, Any]]] = [
        ("commit", {path: _hash(side) or None for path, side in sides.items()}),
        *((name, {path: at_path(side.machine, name) for path, side in sides.items()}) for name in (*HARDWARE, *_SOFTWARE)),
        *(
            (name, {path: side.conditions.get(name) for path, side in sides.items()})
            for name in sorted({name for side in sides.values() for name in side.conditions})
        ),
    ]
    for name, values in facts:
        told = {str(value) for value in values.values() if value not in (None, [])}
        if len(told) > 1:
            hint = f"; name one as FOLDER{COMMIT}COMMIT" if name == "commit" else "; name files of one"
            return f"its {len(values)} files differ in {name} ({_listed(map(str, filter(None, values.values())))}){hint}"
    return ""


def _listed(values: Iterable[str], most: int = 5) -> str:
    found = sorted({value[:40] for value in values if value})
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "") if found else "none"


def _cases(sides: Sequence[Side]) -> dict[str, Observed]:
    """Each case with the processes of all files. A process index that two files use is given anew."""
    found: dict[str, list[Observed]] = {}
    for side in sides:
        for name, one in side.cases.items():
            found.setdefault(name, []).append(one)
    return {name: _together(several) for name, several in found.items()}


def _together(several: Sequence[Observed]) -> Observed:
    values: dict[str, dict[int, float]] = {}
    begin = 0
    for one in several:
        processes = sorted({process for found in one.values.values() for process in found})
        for metric, found in one.values.items():
            values.setdefault(metric, {}).update({begin + processes.index(process): value for process, value in found.items()})
        begin += len(processes)
    fine = [one for one in several if one.status == "ok"]
    bad = [one for one in several if one.status != "ok"]
    return replace(
        (fine or bad)[0],
        values=values,
        processes=sum(one.processes for one in fine),
        lost=sum(one.lost for one in several),
        reason=next((one.reason for one in several if one.reason), ""),
        notes=tuple(dict.fromkeys(note for one in several for note in one.notes)),
    )
