"""Resuming an interrupted run: its remaining cases, its arguments, and whether machine and code are still the same."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from rnnbench.case import Case
from rnnbench.errors import EXIT_INCONCLUSIVE, BadResults, CannotWrite, RnnbenchError, UsageError
from rnnbench.files import MAX_LINE_BYTES, RECORDS_FILE, RUN_FILE, Damage, find_run, read_run
from rnnbench.own_model import is_own
from rnnbench.record import BadRecord, Record, Run, Trial
from rnnbench.runs import catalog
from rnnbench.runs.request import Request

SET_ASIDE = "records.damaged"
_PASSING = ("mhz", "ceilings")  # change from minute to minute on one machine, or are measured with the run
_BUDGET = ("max_time_s", "precision", "min_rounds", "confidence", "energy_s")
_FIXED = {"sets": "--set", "select": "--select", "device": "--device"}  # options that a run keeps from its start


class Differs(RnnbenchError):
    """The machine or the code differs from that at the start of the run."""

    exit_code = EXIT_INCONCLUSIVE

    def __init__(self, what: str) -> None:
        super().__init__(f"the run started elsewhere: {what}; use --resume-anyway to mix them (noted on each record)")


@dataclass(frozen=True, slots=True)
class Left:
    """A run to resume."""

    run: Run
    folder: Path
    tasks: tuple[Trial, ...]
    damage: tuple[Damage, ...]

    @property
    def done(self) -> set[tuple[str, int]]:
        """Keys of the trials that have their final record."""
        return {record.key for record in self.run.records}

    def resumed(self, entry: Mapping[str, Any]) -> Run:
        """The run to write while it continues. `entry` says when, how and where it was resumed."""
        resumed = [*self.run.arguments.get("resumed", []), dict(entry)]
        return replace(self.run, finished_utc="", interrupted=False, arguments={**self.run.arguments, "resumed": resumed}, records=())


def left_of(name: str, results: Path) -> Left:
    """The plan and the records of a run, by id, by the start of an id, or by folder. Changes nothing."""
    return _left(find_run(name, results))


def read_again(left: Left) -> Left:
    """The same run, read again from its folder."""
    return _left(left.folder)


def mend(folder: Path) -> None:
    """End the journal's last line, so that the next record starts a new one. A half-written last line is moved to a separate file."""
    path = folder / RECORDS_FILE
    if not path.exists():
        return
    try:
        with path.open("r+b") as journal:
            whole = _end_of_lines(journal)
            journal.seek(whole)
            rest = journal.read(MAX_LINE_BYTES + 1)
            if not rest:
                return
            if len(rest) <= MAX_LINE_BYTES and _is_record(rest):
                journal.write(b"\n")
                return
            with (folder / SET_ASIDE).open("ab") as aside:
                while rest:
                    aside.write(rest)
                    rest = journal.read(MAX_LINE_BYTES)
                aside.write(b"\n")
            journal.truncate(whole)
    except OSError as error:
        raise CannotWrite(path, error.strerror or error) from None


def _end_of_lines(journal: BinaryIO) -> int:
    """Offset of the end of the last whole line. It is searched from the back, because a half-written line can have any length."""
    place = journal.seek(0, os.SEEK_END)
    while place:
        begin = max(0, place - 2**20)
        journal.seek(begin)
        if (found := journal.read(place - begin).rfind(b"\n")) >= 0:
            return begin + found + 1
        place = begin
    return 0


def as_before(request: Request, left: Left) -> Request:
    """The request that resumes a run. The user's own suites and plugins are code, so they must be named again; their paths are never
    taken from a run."""
    for field, option in _FIXED.items():
        if getattr(request, field):
            raise UsageError(f"{option} applies to new runs; {left.run.id!r} keeps the settings it started with")
    if "duet" in left.run.arguments:
        raise UsageError(f"{left.run.id!r} is one side of a duet, which cannot be resumed: start the duet again")
    if "tuning" in left.run.arguments:
        raise UsageError(f"{left.run.id!r} is a round of tuning, which cannot be resumed: start the tuning again")
    try:
        return _as_asked(request, left)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadResults(left.folder / RUN_FILE, f"its arguments cannot be read ({type(error).__name__}: {error})") from None


def differences(left: Left, began: Mapping[str, Any], machine: Mapping[str, Any], commit: Mapping[str, Any]) -> str:
    """How machine and code differ from those at the start of the run; empty if they do not."""
    pairs = [("machine", began, machine), ("commit", left.run.commit, commit)]
    found = [f"{name}: {was!r} then, {now!r} now" for kind, before, after in pairs for name, was, now in _unlike(kind, before, after)]
    return "; ".join(found)


def _left(folder: Path) -> Left:
    if link := next((path for path in folder.rglob("*") if path.is_symlink()), None):
        raise BadResults(link, "a symbolic link; a run is resumed only if everything it writes stays in its own folder")
    run, damage = read_run(folder)
    try:
        tasks = tuple(Trial(Case.from_dict(one["case"]), int(one["process"])) for one in run.planned)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RnnbenchError) as error:
        raise BadResults(folder / RUN_FILE, f"its plan cannot be read ({error})") from None
    if not tasks:
        raise BadResults(folder / RUN_FILE, "it plans no case")
    return Left(run, folder, tasks, tuple(damage))


def _is_record(line: bytes) -> bool:
    """Whether the line is a whole record that lacks only its newline."""
    try:
        Record.from_dict(json.loads(line))
    except (ValueError, RecursionError, BadRecord):
        return False
    return True


def _as_asked(request: Request, left: Left) -> Request:
    asked = left.run.arguments
    names = [str(suite["name"]) for suite in left.run.suites]
    shipped = catalog.shipped()
    own = [name for name in names if name not in shipped]
    named_again = request.plugins or any(map(is_own, request.suites))
    if (own and not request.suites) or (asked.get("plugins") and not named_again):
        named = ", ".join([*own, *map(str, asked.get("plugins", []))])
        raise UsageError(f"run {left.run.id!r} used your own files ({named}): name them again with --suite and --plugin")
    limit, threads, memory = asked.get("case_timeout_s"), asked.get("threads"), asked.get("memory_limit_bytes")
    return replace(
        request,
        suites=request.suites or tuple(names),
        device=_text(asked.get("device")),
        preset=str(asked.get("preset", "standard")),
        budget={name: asked["budget"][name] for name in _BUDGET} if "budget" in asked else {},
        isolation=str(asked.get("isolation", "process")),
        case_timeout_s=request.case_timeout_s or (None if limit is None else float(limit)),
        skip_oversize=request.skip_oversize or bool(asked.get("skip_oversize", False)),
        memory_limit_bytes=request.memory_limit_bytes or (None if memory is None else int(memory)),
        threads=None if threads is None else int(threads),
        pin=_text(asked.get("pin")),
        **_placed(request, asked),
    )


def _placed(request: Request, asked: Mapping[str, Any]) -> dict[str, Any]:
    """How cases are placed: as at the start of the run. Only the cluster's address may be new."""
    placing = asked.get("placing")
    if not placing:
        return {"executor": request.executor or "local"}
    kept = {"on": tuple(map(str, placing["on"])), "cores": placing["cores"], "share": bool(placing["share"])}
    return {**kept, "executor": request.executor or "ray", "machine_type": str(placing["machine_type"])}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _unlike(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after} - set(_PASSING)):
            yield from _unlike(f"{path}.{key}", before.get(key), after.get(key))
    elif before != after:
        yield path, before, after
