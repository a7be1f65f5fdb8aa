"""Runs of a store as sides and frames, with the same values as from their files."""

import gc
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from rnnbench.analysis.frames import Loaded
from rnnbench.errors import UnknownName
from rnnbench.files import records_of, run_of
from rnnbench.gate.side import Observed, Side, side_of_run
from rnnbench.store.opening import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rnnbench.store.database import Database
    from rnnbench.store.stored_run import StoredRun

_Row = tuple[int, int, str]
_FACTS = ("conditions", "commit", "duet", "aliases", "plan", "environment")


def stored_run(head: bytes, lines: bytes, where: str, folder: str = "", seen: str = "") -> "StoredRun":
    """A run's files as a store keeps them. Raises BadResults where they hold none."""
    from rnnbench.store.stored_run import StoredRun

    records, damage = records_of(lines)
    side = side_of_run(Loaded(run_of(head, records, where), damage))
    facts = {name: getattr(side, name) for name in _FACTS} | {"notes": side.notes}
    cases = [(name, json.dumps(one.axes), _written(one)) for name, one in side.cases.items()]
    return StoredRun(
        head=head, lines=lines, machine=json.dumps(side.machine), facts=json.dumps(facts), cases=cases, folder=folder, seen=seen
    )


def _written(one: Observed) -> str:
    """A case's figures. Most were measured by process 0 alone: the bare number then."""
    values = {name: found[0] if list(found) == [0] else list(found.items()) for name, found in one.values.items()}
    return json.dumps([one.status, one.reason, one.processes, one.lost, one.notes, values], separators=(",", ":"))


def _read(name: str, axes: Mapping[str, Any], told: Sequence[Any], metrics: Sequence[str] | None) -> Observed:
    status, reason, processes, lost, notes, values = told
    chosen = values if metrics is None else [metric for metric in metrics if metric in values]
    figures = {metric: dict(found) if isinstance(found := values[metric], list) else {0: found} for metric in chosen}
    return Observed(id=name, status=status, reason=reason, axes=axes, values=figures, processes=processes, lost=lost, notes=tuple(notes))


@lru_cache(maxsize=256)
def _machine(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(text)
    return found


class StoreSource:
    """A store as a source of runs."""

    def __init__(self, database: "Database", notes: Sequence[str] = ()) -> None:
        self.database, self.notes = database, tuple(notes)

    @classmethod
    def at(cls, address: str) -> "StoreSource":
        """The store of an address."""
        return cls(open_database(address))

    @property
    def where(self) -> str:
        """The address, without secrets."""
        return self.database.name

    def runs(self) -> list[str]:
        """The runs' numbers, in order of time."""
        return [str(line.run) for line in self.database.lines()]

    def find(self, name: str) -> str:
        """By id, by the beginning of one, or `latest`; of runs with one id the newest."""
        with self._ours():
            return self._find(name)

    def _find(self, name: str) -> str:
        lines = self.database.lines()
        fit = [line for line in lines if line.id == name] or [line for line in lines if name and line.id.startswith(name)]
        if name == "latest" and lines:
            fit = lines[-1:]
        if len({line.id for line in fit}) > 1:
            raise UnknownName("run: several start with", name, [line.id for line in fit])
        if not fit:
            raise UnknownName("run", name, [*(line.id for line in reversed(lines)), *(["latest"] if lines else [])])
        return str(fit[-1].run)

    def load(self, key: str) -> Loaded:
        """A run with its records."""
        with self._ours():
            head, lines = self.database.files(int(key))
        records, damage = records_of(lines)
        return Loaded(run_of(head, records, f"{self.where} run {key}"), damage)

    def sides(self, metrics: Sequence[str] | None = None, wanted: "Callable[[str], bool] | None" = None) -> tuple[list[Side], list[str]]:
        """From the figures alone; samples stay where they are."""
        with self._ours():
            return self._sides(metrics, wanted)

    def _ours(self) -> AbstractContextManager[None]:
        """Rows that hold something else are told in a sentence."""
        from rnnbench.store.address import ours

        return ours(self.where)

    def _sides(self, metrics: Sequence[str] | None, wanted: "Callable[[str], bool] | None") -> tuple[list[Side], list[str]]:
        asked = None if metrics is None else tuple(dict.fromkeys((*metrics, "step_time_s")))
        known = {
            number: (name, json.loads(axes)) for number, (name, axes) in self.database.case_ids().items() if not wanted or wanted(name)
        }
        cases: dict[int, dict[str, Observed]] = {}
        rows = self.database.figures(None if wanted is None or len(known) > _MANY else known)
        with _without_collector():
            for some in _batches((row for row in rows if row[1] in known), _AT_ONCE):
                told = json.loads(f"[{','.join(text for _, _, text in some)}]")
                for (run, case, _), one in zip(some, told, strict=True):
                    name, axes = known[case]
                    cases.setdefault(run, {})[name] = _read(name, axes, one, asked)
        found = [_side(*head, cases.get(head[0], {})) for head in self.database.heads()]
        return found, list(self.notes)


_AT_ONCE = 1_000  # texts that are parsed by one call
_MANY = 5_000  # cases; beyond, one pass over all figures is quicker than asking for each


def _batches(rows: "Iterable[_Row]", size: int) -> "Iterator[list[_Row]]":
    """Lists of so many."""
    rest = iter(rows)
    while some := list(islice(rest, size)):
        yield some


@contextmanager
def _without_collector() -> "Iterator[None]":
    """A million small objects that stay, and no cycles among them: the collector would look at them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _side(run: int, label: str, taken_utc: str, machine: str, facts: str, cases: Mapping[str, Observed]) -> Side:  # noqa: ARG001 - a row of Shelf.heads
    told = json.loads(facts)
    notes = tuple(told.pop("notes"))
    return Side(label=label, kind="run", cases=cases, machine=_machine(machine), taken_utc=taken_utc, notes=notes, **told)
