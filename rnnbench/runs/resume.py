"""Going on with a run that ended early: what is left of it, and whether this is still the same machine and code."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnbench.case import Case
from rnnbench.errors import EXIT_INCONCLUSIVE, BadResults, RnnbenchError
from rnnbench.files import RECORDS_FILE, RUN_FILE, Damage, find_run, read_run
from rnnbench.record import Run

SET_ASIDE = "records.damaged"
_PASSING = ("mhz", "ceilings")  # differ from one minute to the next on the same machine, or are measured with the run


class Differs(RnnbenchError):
    """The machine or the code is not what the run began on."""

    exit_code = EXIT_INCONCLUSIVE

    def __init__(self, what: str) -> None:
        super().__init__(f"this is not where the run began: {what}; to mix them all the same: --resume-anyway (noted on each record)")


@dataclass(frozen=True, slots=True)
class Left:
    """A run to go on with."""

    run: Run
    folder: Path
    tasks: tuple[tuple[Case, int], ...]
    damage: tuple[Damage, ...]

    @property
    def done(self) -> set[tuple[str, int]]:
        """Rows that have their final record."""
        return {record.key for record in self.run.records}


def left_of(name: str, results: Path) -> Left:
    """What a run planned and what it has, by id, by the beginning of one, or by folder. Changes nothing."""
    folder = find_run(name, results)
    run, damage = read_run(folder)
    try:
        tasks = tuple((Case.from_dict(one["case"]), int(one["process"])) for one in run.planned)
    except (KeyError, TypeError, ValueError, RnnbenchError) as error:
        raise BadResults(folder / RUN_FILE, f"its plan cannot be read ({error})") from None
    return Left(run, folder, tasks, tuple(damage))


def set_aside(left: Left) -> None:
    """Move a half-written last line out of the journal, so that the next record starts a line of its own."""
    path = left.folder / RECORDS_FILE
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole == len(content):
        return
    with (left.folder / SET_ASIDE).open("ab") as file:
        file.write(content[whole:] + b"\n")
    with path.open("r+b") as file:
        file.truncate(whole)


def differences(left: Left, machine: Mapping[str, Any], commit: Mapping[str, Any]) -> str:
    """How machine and code differ from those that the run began on; empty where they do not."""
    pairs = [("machine", left.run.machine, machine), ("commit", left.run.commit, commit)]
    found = [f"{name}: {was!r} then, {now!r} now" for kind, before, after in pairs for name, was, now in _unlike(kind, before, after)]
    return "; ".join(found)


def _unlike(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after} - set(_PASSING)):
            yield from _unlike(f"{path}.{key}", before.get(key), after.get(key))
    elif before != after:
        yield path, before, after
