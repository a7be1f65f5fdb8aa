"""The whole way at once: the depth suite over two workers of a local cluster, one of them killed, and the same figures from wherever."""

from pathlib import Path

import pytest

from tests.faults.tools import lines
from tests.limits import hung_s, until
from tests.ray.test_own_cluster import SETTING
from tests.ray.tools import know_ceilings, marked, runs, start
from tests.store.server import programs, started
from tests.tools import command

GRID = ("--preset", "quick", "--case-budget", "0.05", "--set", "depth=1,2,3", "--set", "precision=fp32", "--set", "hidden_size=32")


def kill_a_worker(home: Path) -> None:
    """The Ray worker above a fork server of this run."""
    until(lambda: len(marked("RNNBENCH_TEST_HOME", str(home), "forkserver")) >= 2)  # both workers are at it
    server = marked("RNNBENCH_TEST_HOME", str(home), "forkserver")[0]
    worker = next(one for one in server.parents() if "ray::" in " ".join(one.cmdline()))
    worker.kill()


@pytest.fixture
def postgres(monkeypatch):
    """The address of an empty database of a server of its own."""
    place = programs()
    if place is None:
        pytest.skip("no PostgreSQL here")
    with started(place) as server:
        monkeypatch.setenv("PGPASSWORD", server.password)
        yield server.database()


def test_the_depth_suite_over_two_workers(tmp_path: Path, postgres: str):
    """One command spreads it; a killed worker costs no case; history and report are the same from files, SQLite and PostgreSQL."""
    know_ceilings(tmp_path)
    words = ("--suite", "depth", *GRID, "--executor", "ray", "--share", "--cores", "1", "--no-report")
    process = start(tmp_path, *words, home=tmp_path)
    until(lambda: lines(tmp_path) >= 2)
    kill_a_worker(tmp_path)
    _, said = process.communicate(timeout=hung_s())
    assert process.returncode == 0, said
    (run,) = runs(tmp_path)
    assert len(run.records) == len(run.planned) == 3 * 2 * 3
    assert {one.status for one in run.records} == {"ok"}

    stores = (f"sqlite:///{tmp_path}/team.sqlite", postgres)
    for store in stores:
        pushed = command("push", "--to", store, cwd=tmp_path, **SETTING)
        assert pushed.code == 0, pushed
    places = ((), *(("--from", store) for store in stores))
    histories = [command("history", "--format", "json", *place, cwd=tmp_path, **SETTING) for place in places]
    assert all(one.code == 0 for one in histories), histories
    assert histories[0].told["series"]
    assert histories[0].told == histories[1].told == histories[2].told
    pages = []
    for number, place in enumerate(places):
        done = command("report", "latest", "--format", "html", "--out", f"reports-{number}", *place, cwd=tmp_path, **SETTING)
        assert done.code == 0, done
        (page,) = (tmp_path / f"reports-{number}").glob("*.html")
        pages.append(page.read_bytes())
    assert pages[0] == pages[1] == pages[2]
