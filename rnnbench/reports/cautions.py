"""What should make a reader careful, and what to do about it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rnnbench.analysis.frames import Loaded
from rnnbench.analysis.sweep import Sweep
from rnnbench.case import Case
from rnnbench.errors import RnnbenchError
from rnnbench.record import PARTS, Run
from rnnbench.reports import words

MOST_IDS = 40
SLOWER = 1.25  # a step against the sum of its parts, which are timed right after it
_MAIN_PARTS = ["forward_s", "backward_s", "optimizer_s"]
_NUMBER = re.compile(r"[\d.,]*\d")


@dataclass(frozen=True, slots=True)
class Caution:
    """What is wrong, what to do, and in which cases."""

    what: str
    todo: str
    cases: Sequence[str] = ()


def unlike_its_parts(cases: pd.DataFrame) -> "pd.Series[bool]":
    """Which steps took clearly longer than the sum of their parts, which are timed right after: something slowed one of the two."""
    known = cases[_MAIN_PARTS].notna().all(axis=1) & (cases["status"] == "ok") & cases["communication_share"].isna()
    return known & (cases["step_time_s"] > SLOWER * cases[list(PARTS)].sum(axis=1))


def not_run(run: Run) -> int:
    """How many planned cases left no record."""
    done = {str(record.case) for record in run.records}
    return len({name for entry in run.planned if (name := _planned_id(entry))} - done)


def _planned_id(entry: Mapping[str, Any]) -> str:
    if isinstance(entry.get("id"), str):
        return str(entry["id"])
    try:
        return str(Case.from_dict(entry["case"] if isinstance(entry.get("case"), Mapping) else entry))
    except (RnnbenchError, TypeError, KeyError):
        return ""


def cautions(loaded: Sequence[Loaded], found: Sequence[Sweep]) -> list[Caution]:
    """Everything that should make a reader careful, and what to do about it."""
    return [*_of_runs(loaded), *_of_cases(found)]


def _of_runs(loaded: Sequence[Loaded]) -> Iterator[Caution]:
    for one in loaded:
        run = one.run
        if missing := not_run(run):
            why = "it was interrupted" if run.interrupted or not run.finished_utc else "they left no record"
            yield Caution(
                f"{words.count(missing, 'planned case')} of run {run.id} {'was' if missing == 1 else 'were'} not measured: {why}",
                f"continue with `rnnbench run --resume {run.id}`",
            )
        if one.damage:
            lines = "; ".join(map(str, one.damage[:3])) + (" …" if len(one.damage) > 3 else "")
            yield Caution(
                f"{words.count(len(one.damage), 'line')} of run {run.id} could not be read: {lines}",
                "inspect records.jsonl in its folder",
            )
        if run.commit.get("dirty"):
            yield Caution(
                f"run {run.id} was measured with uncommitted changes in the working tree",
                "commit first, so that figures can be traced to code",
            )


def _of_cases(found: Sequence[Sweep]) -> Iterator[Caution]:
    groups: dict[str, tuple[str, list[str]]] = {}
    for sweep in found:
        for name, notes, count, status in sweep.cases[["id", "notes", "samples", "status"]].itertuples(index=False):
            few = (
                [f"{count} rounds are too few for a 95 % confidence interval, so the range is shown: raise --case-budget"]
                if status == "ok" and 0 < count < 6
                else []
            )
            for note in [*notes, *few]:
                groups.setdefault(_NUMBER.sub("#", note), (note, []))[1].append(name)
        if names := list(sweep.cases.loc[unlike_its_parts(sweep.cases), "id"]):
            note = (
                f"the step took more than {SLOWER}× as long as its parts, which are timed right after it: measure again on a quiet machine"
            )
            groups.setdefault(note, (note, []))[1].extend(names)
    for note, names in groups.values():
        what, colon, todo = note.rpartition(": ")
        example = ", for example" if len(names) > 1 and _NUMBER.search(note) else ""
        yield Caution(f"{words.count(len(names), 'case')}{example}: {what if colon else note}", todo if colon else "", names[:MOST_IDS])
