"""What stands around the findings: the machine, the run, the warnings with what to do next."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from rnnbench import units
from rnnbench.analysis.store import Loaded
from rnnbench.analysis.sweep import Sweep
from rnnbench.case import SHAPE, Case
from rnnbench.errors import RnnbenchError
from rnnbench.record import PARTS, Run
from rnnbench.reports import words

MOST_IDS = 40
SLOWER = 1.25  # a step against the sum of its parts, which are timed right after it
_MAIN_PARTS = ["forward_s", "backward_s", "optimizer_s"]
_NUMBER = re.compile(r"[\d.,]*\d")


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the fingerprint: a name, and its value in each run."""

    name: str
    values: Sequence[str]

    @property
    def differs(self) -> bool:
        """Whether the runs disagree."""
        return len(set(self.values)) > 1


@dataclass(frozen=True, slots=True)
class Caution:
    """What is amiss, how to mend it, and where."""

    what: str
    todo: str
    cases: Sequence[str] = ()


def fingerprint(runs: Sequence[Run]) -> list[Fact]:
    """Machine and commit of every run, a fact a row; what a run does not state is a dash."""
    tables = [dict(_flat({**run.machine, "commit": run.commit})) for run in runs]
    names = dict.fromkeys(name for table in tables for name in table)
    return [Fact(name, [table.get(name, units.NONE) for table in tables]) for name in names]


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name} {key}".strip())
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{name} {index}".strip())
    elif value is not None:
        yield _words(name), _said(name, value)


def _words(name: str) -> str:
    return name.removesuffix("_bytes").replace("_", " ")


def _said(name: str, value: Any) -> str:
    if name.endswith("_bytes") and isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**80:
        return units.binary_bytes(value)
    if units.unit_of(name) and isinstance(value, float):
        return units.show(name, value)
    return units.plain(value) if isinstance(value, bool) else str(value)


def headline(run: Run) -> list[str]:
    """The run in a few words: when, on what, with what."""
    machine = run.machine
    cpu = machine.get("cpu")
    model, cores = (cpu.get("model"), cpu.get("usable") or cpu.get("cores")) if isinstance(cpu, Mapping) else (None, None)
    listed = machine.get("gpus")
    gpus = [str(gpu.get("name")) for gpu in listed if isinstance(gpu, Mapping)] if isinstance(listed, list) else []
    torch = machine.get("torch")
    version = torch.get("version") if isinstance(torch, Mapping) else None
    said = [
        _date(run.started_utc),
        words.joined(gpus),
        f"{model} ({words.count(cores, 'core')})" if model and isinstance(cores, int) else str(model or ""),
        f"torch {version}" if version else "",
        f"device {run.arguments['device']}" if run.arguments.get("device") else "",
        f"preset {run.arguments['preset']}" if run.arguments.get("preset") else "",
        _lasted(run),
    ]
    return [one for one in said if one]


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _date(text: str) -> str:
    when = _time(text)
    return f"{when:%-d %B %Y, %H:%M} UTC" if when else ""


def _lasted(run: Run) -> str:
    began, ended = _time(run.started_utc), _time(run.finished_utc)
    try:
        return f"took {units.duration((ended - began).total_seconds())}" if began and ended else ""
    except TypeError:  # one with a time zone, one without
        return ""


def sizes(sweep: Sweep, run: Run) -> list[str]:
    """What every case of a suite has in common: its shape, and the threads that it ran with."""
    same = [axis for axis in SHAPE if axis not in sweep.varying]
    first = sweep.cases.iloc[0]
    torch = run.machine.get("torch")
    threads = run.arguments.get("threads") or (torch.get("threads") if isinstance(torch, Mapping) else None)
    told = [words.value(axis, first[axis]) for axis in same]
    return [*told, *([words.count(threads, "thread")] if isinstance(threads, int) and first["device"] == "cpu" else [])]


def unlike_its_parts(cases: pd.DataFrame) -> "pd.Series[bool]":
    """Which steps took clearly longer than the sum of their own parts, timed right after: something slowed the one or the other."""
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


def warnings(loaded: Sequence[Loaded], found: Sequence[Sweep]) -> list[Caution]:
    """Everything that should make a reader careful."""
    return [*_of_runs(loaded), *_of_cases(found)]


def _of_runs(loaded: Sequence[Loaded]) -> Iterator[Caution]:
    for one in loaded:
        run = one.run
        if missing := not_run(run):
            why = "it was interrupted" if run.interrupted or not run.finished_utc else "they left no record"
            yield Caution(
                f"{words.count(missing, 'planned case')} of run {run.id} were not measured: {why}",
                f"go on with `rnnbench run --resume {run.id}`",
            )
        if one.damage:
            lines = "; ".join(map(str, one.damage[:3])) + (" …" if len(one.damage) > 3 else "")
            yield Caution(
                f"{words.count(len(one.damage), 'line')} of run {run.id} could not be read and were left out: {lines}",
                "see records.jsonl in its folder",
            )
        if run.commit.get("dirty"):
            yield Caution(
                f"run {run.id} was measured from a working tree with uncommitted changes",
                "commit first, so that the figures can be traced to code",
            )


def _of_cases(found: Sequence[Sweep]) -> Iterator[Caution]:
    groups: dict[str, tuple[str, list[str]]] = {}
    for sweep in found:
        for name, notes, count, status in sweep.cases[["id", "notes", "samples", "status"]].itertuples(index=False):
            few = (
                [f"{count} rounds are too few for a 95 % interval (the range is shown): raise the time budget"]
                if status == "ok" and 0 < count < 6
                else []
            )
            for note in [*notes, *few]:
                groups.setdefault(_NUMBER.sub("#", note), (note, []))[1].append(name)
        if names := list(sweep.cases.loc[unlike_its_parts(sweep.cases), "id"]):
            note = f"the step took more than {SLOWER}× the sum of its parts, timed right after it: measure it again on a quiet machine"
            groups.setdefault(note, (note, []))[1].extend(names)
    for note, names in groups.values():
        what, colon, todo = note.rpartition(": ")
        example = ", for instance" if len(names) > 1 and _NUMBER.search(note) else ""
        yield Caution(f"{words.count(len(names), 'case')}{example}: {what if colon else note}", todo if colon else "", names[:MOST_IDS])
