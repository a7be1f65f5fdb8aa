"""An open store: save and restore runs, and read the values of many runs without their samples."""

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from rnnbench.store.address import StoreError, engine_of, parse, shown, told
from rnnbench.store.schema import BODIES, CASES, FIGURES, RUNS
from rnnbench.store.stored_run import MOST_BYTES, StoredRun, digest
from rnnbench.store.upgrade import check, make

Outcome = Literal["new", "grown", "same", "older"]
_AT_ONCE = 500


class Line(NamedTuple):
    """A run of the store, without its records."""

    run: int
    id: str
    started_utc: str
    records: int
    identity: str
    content: str
    folder: str
    seen: str


class Database:
    """One store. Every method is one transaction."""

    def __init__(self, address: str, *, create: bool = False) -> None:
        """Open it; `create` makes what is missing. Raises UsageError, StoreError or WrongStore in a sentence."""
        self.url = parse(address)
        self.name = shown(self.url)
        with told(self.url):
            self._engine = engine_of(self.url, create=create)
            if create:
                if self._engine.dialect.name == "sqlite":
                    self._keep_a_log()
                with self._writing() as connection:
                    make(connection, self.url)
            else:
                with self._engine.begin() as connection:
                    if not check(connection, self.url):
                        raise StoreError(
                            f"the store {self.name!r} is empty or from an older version: push a run to it, or run `rnnbench index`"
                        )

    def put(self, stored_run: StoredRun) -> Outcome:
        """Keep a run. A copy of one that is there changes nothing; one that has grown since takes its place."""
        row = stored_run.row
        with told(self.url), self._writing() as connection:
            made = connection.execute(self._insert_new(RUNS, [row], RUNS.c.identity).returning(RUNS.c.run)).scalar()
            if made is None:
                there = connection.execute(
                    select(RUNS.c.run, RUNS.c.content, RUNS.c.finished, RUNS.c.records)
                    .where(RUNS.c.identity == row["identity"])
                    .with_for_update()
                ).one()
                if there.content == row["content"]:
                    seen = {name: row[name] for name in ("folder", "seen") if row[name]}
                    if seen:
                        connection.execute(RUNS.update().where(RUNS.c.run == there.run).values(seen))
                    return "same"
                if (row["finished"], row["records"]) < (there.finished, there.records):
                    return "older"
                for table in (BODIES, FIGURES):
                    connection.execute(delete(table).where(table.c.run == there.run))
                connection.execute(RUNS.update().where(RUNS.c.run == there.run).values(row))
            self._fill(connection, there.run if made is None else made, stored_run)
            return "new" if made is not None else "grown"

    def _fill(self, connection: Connection, run: int, stored_run: StoredRun) -> None:
        numbers = self._numbers(connection, {digest(name, axes): (name, axes) for name, axes, _ in stored_run.cases})
        figures = [
            {"run": run, "place": place, "case": numbers[digest(name, axes)], "figures": text}
            for place, (name, axes, text) in enumerate(stored_run.cases)
        ]
        if figures:
            connection.execute(insert(FIGURES), figures)
        for part, body in enumerate(stored_run.parts()):
            connection.execute(insert(BODIES), {"run": run, "part": part, "body": body})

    def _numbers(self, connection: Connection, wanted: Mapping[str, tuple[str, str]]) -> dict[str, int]:
        """Each case's number; new ones are added in one order, so that two writers cannot wait for each other in a ring."""
        found: dict[str, int] = {}
        names = sorted(wanted)
        for begin in range(0, len(names), _AT_ONCE):
            part = names[begin : begin + _AT_ONCE]
            asked = select(CASES.c.digest, CASES.c.case).where(CASES.c.digest.in_(part))
            found |= {one.digest: one.case for one in connection.execute(asked)}
            rows = [{"digest": name, "id": wanted[name][0], "axes": wanted[name][1]} for name in part if name not in found]
            if rows:
                connection.execute(self._insert_new(CASES, rows, CASES.c.digest))
                found |= {one.digest: one.case for one in connection.execute(asked)}
        return found

    def _insert_new(self, table: Any, rows: Sequence[Mapping[str, Any]], unique: Any) -> Any:
        engine = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        return engine.insert(table).values(list(rows)).on_conflict_do_nothing(index_elements=[unique])

    def lines(self) -> list[Line]:
        """Every run, in order of time."""
        columns = (RUNS.c[name] for name in Line._fields)
        with told(self.url), self._engine.begin() as connection:
            return [Line(*row) for row in connection.execute(select(*columns).order_by(RUNS.c.started_utc, RUNS.c.id, RUNS.c.run))]

    def files(self, run: int) -> tuple[bytes, bytes]:
        """run.json and records.jsonl, as they were put in."""
        with told(self.url), self._engine.begin() as connection:
            found = connection.execute(select(BODIES.c.body).where(BODIES.c.run == run).order_by(BODIES.c.part)).scalars().all()
        if not found:
            raise StoreError(f"the store {self.name!r} no longer holds that run")
        with told(self.url):
            head, *parts = _unpacked(found)
        return head, b"".join(parts)

    def case_ids(self) -> dict[int, tuple[str, str]]:
        """Every case's number, id and axes as JSON."""
        with told(self.url), self._engine.begin() as connection:
            return {one.case: (one.id, one.axes) for one in connection.execute(select(CASES.c.case, CASES.c.id, CASES.c.axes))}

    def heads(self) -> list[tuple[int, str, str, str, str]]:
        """Of each run in order of time: number, id, when, machine and facts as JSON."""
        asked = select(RUNS.c.run, RUNS.c.id, RUNS.c.started_utc, RUNS.c.machine, RUNS.c.facts).order_by(RUNS.c.started_utc, RUNS.c.id)
        with told(self.url), self._engine.begin() as connection:
            return [(one.run, one.id, one.started_utc, one.machine, one.facts) for one in connection.execute(asked)]

    def figures(self, cases: Collection[int] | None) -> Iterator[tuple[int, int, str]]:
        """Run, case and figures of these cases, or of all; those of a run in the order in which it met them."""
        asked = select(FIGURES.c.run, FIGURES.c.case, FIGURES.c.figures)
        parts = [asked.order_by(FIGURES.c.run, FIGURES.c.place)]
        if cases is not None:
            wanted = sorted(cases)
            groups = (wanted[begin : begin + _AT_ONCE] for begin in range(0, len(wanted), _AT_ONCE))
            parts = [asked.where(FIGURES.c.case.in_(group)).order_by(FIGURES.c.run, FIGURES.c.place) for group in groups]
        with told(self.url), self._engine.connect().execution_options(stream_results=True) as connection:
            for part in parts:
                for one in connection.execute(part):
                    yield one[0], one[1], one[2]

    def drop(self, runs: Collection[int]) -> None:
        """Forget runs, their figures and bodies with them."""
        with told(self.url), self._writing() as connection:
            for run in runs:
                connection.execute(delete(RUNS).where(RUNS.c.run == run))

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that may write: all of it or nothing."""
        with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def _keep_a_log(self) -> None:
        """SQLite's write-ahead log: readers see the last whole state while one writes."""
        raw = self._engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            raw.close()


def _unpacked(bodies: Sequence[bytes]) -> Iterator[bytes]:
    """Each body, as long as all of them stay within bounds: a kilobyte may be packed from a gigabyte."""
    room = MOST_BYTES
    for body in bodies:
        unpacker = zlib.decompressobj()
        found = unpacker.decompress(body, room + 1)
        room -= len(found)
        if room < 0 or not unpacker.eof:
            raise ValueError(f"a run of more than {MOST_BYTES:,} bytes, or one cut off")
        yield found
