"""A store keeps what the files hold: the same tables from either, nothing lost and nothing doubled, no secret in any message."""

import json
import shutil
import subprocess
import sys
import threading

import pytest
import sqlalchemy

from rnnbench.analysis import index as indexing
from rnnbench.analysis.digest import digest
from rnnbench.analysis.formats.histories import as_json
from rnnbench.analysis.history import history
from rnnbench.analysis.source import Folder, source_at
from rnnbench.analysis.sources import side
from rnnbench.analysis.store import frame
from rnnbench.errors import BadResults, RnnbenchError, UnknownName, UsageError
from rnnbench.journal import Journal
from rnnbench.reports.forms import write_as
from rnnbench.store import INDEX_FILE, open_shelf
from rnnbench.store.address import StoreError, WrongStore
from rnnbench.store.shelf import Shelf
from tests import tools
from tests.gate.sides import CASE, records, write

METRICS = ("step_time_s", "operators")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    """An empty store of either engine."""
    return f"sqlite:///{tmp_path}/team.sqlite" if request.param == "sqlite" else request.getfixturevalue("team")


def kept(address):
    """Outcome of every table: what a second push must not change."""
    shelf = open_shelf(address)
    return [(line.id, line.records, line.content) for line in shelf.lines()], list(shelf.figures(None))


def test_same_tables_from_files_and_both_engines(results, address, tmp_path):
    """history, compare's sides, report and the site's digest are equal whether read from files or from a store."""
    indexing.push(indexing.all_runs(results), address)
    files, store = Folder(results), source_at(results, address)
    assert as_json(history(files, metrics=METRICS)) == as_json(history(store, metrics=METRICS))
    assert history(store, metrics=METRICS).changed
    assert history(files, metrics=METRICS, cases=str(CASE)).series == history(store, metrics=METRICS, cases=str(CASE)).series
    for name in ("r003", "r02", "latest")[::2]:
        assert side(name, results) == side(name, results, store)
    assert frame(files.load(files.find("r003")).run).equals(frame(store.load(store.find("r003")).run))
    ours, theirs = digest(files), digest(store)
    assert list(ours.cases) == list(theirs.cases)
    assert ours.notes == theirs.notes
    pages = [
        write_as("md", [source.load(source.find("r001"))], tmp_path / name).read_text()
        for name, source in zip("ab", (files, store), strict=True)
    ]
    assert pages[0] == pages[1]


def test_index_reads_only_what_changed(results):
    """A second time nothing is read; a run that grew is read again; one that went is forgotten."""
    assert str(indexing.index(results)[1]) == "24 new"
    assert str(indexing.index(results)[1]) == "24 unchanged"
    with (results / "r005/records.jsonl").open("ab") as file:
        file.write((results / "r005/records.jsonl").read_bytes().splitlines(keepends=True)[0].replace(b'"process":0', b'"process":7'))
    shutil.rmtree(results / "r006")
    assert indexing.index(results)[1].outcomes.keys() == {"unchanged", "grown", "gone"}
    assert as_json(history(Folder(results), metrics=METRICS)) == as_json(history(source_at(results, warm=True), metrics=METRICS))


def test_a_half_written_line_waits(tmp_path):
    """While a benchmark appends, a line without its end is no record; it is one at the next time."""
    journal = Journal(tmp_path / "r1", tools.run(id="r1"))
    journal.append(tools.record())
    path = tmp_path / "r1/records.jsonl"
    line = path.read_bytes().replace(b'"process":0', b'"process":1')
    with path.open("ab") as file:
        file.write(line[:50])
    shelf, _ = indexing.index(tmp_path)
    assert shelf.lines()[0].records == 1
    with path.open("ab") as file:
        file.write(line[50:])
    assert indexing.index(tmp_path)[0].lines()[0].records == 2


def test_an_unusable_index_is_passed_over(results):
    """A file that is no database beside the runs costs nothing: the files are read."""
    (results / INDEX_FILE).write_text("not a database, and long enough to be looked at " * 30)
    assert isinstance(source_at(results, warm=True), Folder)
    with pytest.raises(WrongStore, match="not a SQLite database"):
        indexing.index(results)


def test_pushing_twice_changes_nothing(results, address):
    """The second push, and one from a copy of the folder, leave every table as it was."""
    runs = indexing.all_runs(results)[:5]
    assert str(indexing.push(runs, address)) == "5 new"
    before = kept(address)
    copy = results.parent / "copy"
    shutil.copytree(results, copy)
    assert str(indexing.push(runs, address)) == "5 same"
    assert str(indexing.push(indexing.all_runs(copy)[:5], address)) == "5 same"
    assert kept(address) == before


def test_a_run_that_grew_replaces_itself_and_an_older_copy_does_not(tmp_path, address):
    """The fuller copy of a run stays, in whichever order they come."""
    short = write(tmp_path / "a", "r1", records(CASE, [0.01]))
    full = write(tmp_path / "b", "r1", records(CASE, [0.01, 0.011]))
    assert [str(indexing.push([one], address)) for one in (short, full, short, full)] == ["1 new", "1 grown", "1 older", "1 same"]
    (line,) = open_shelf(address).lines()
    assert line.records == 2


def test_two_processes_push_at_once(results, team):
    """Two machines send the same runs at the same time to a database without tables: each run is there once."""
    words = [sys.executable, "-m", "rnnbench", "push", "--to", team, "--results", str(results)]
    pushing = [
        subprocess.Popen(words, env=tools.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for one in pushing:
        _, err = one.communicate(timeout=120)
        assert (one.returncode, err) == (0, "")
    runs, figures = kept(team)
    assert [run for run, _, _ in runs] == [f"r{index:03d}" for index in range(24)]
    assert len(figures) == 24 * 3


def test_a_connection_dropped_within_a_push_loses_and_doubles_nothing(results, team, server, monkeypatch):
    """The server ends the connection after half of a run was sent: that run is not there at all, and the next push completes it."""
    runs = indexing.all_runs(results)
    fill = Shelf._fill
    count = iter(range(100))

    def dropped(self, connection, run, volume):
        fill(self, connection, run, volume)
        if next(count) == 3:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            server.sql(f"SELECT pg_terminate_backend({pid})")

    monkeypatch.setattr(Shelf, "_fill", dropped)
    with pytest.raises(StoreError, match="what it held before is intact"):
        indexing.push(runs, team)
    assert [line.id for line in open_shelf(team).lines()] == ["r000", "r001", "r002"]
    assert len(list(open_shelf(team).figures(None))) == 9
    monkeypatch.undo()
    monkeypatch.setenv("PGPASSWORD", server.password)
    assert str(indexing.push(runs, team)) == "3 same, 21 new"
    assert as_json(history(Folder(results), metrics=METRICS)) == as_json(history(source_at(results, team), metrics=METRICS))


def test_pull_gives_the_same_files(results, address, tmp_path):
    """What is pulled is what was pushed, byte for byte; a second time nothing changes; other records are left alone."""
    indexing.push(indexing.all_runs(results), address)
    out = tmp_path / "pulled"
    assert str(indexing.pull([], address, out)) == "24 new"
    for name in ("run.json", "records.jsonl"):
        assert (out / "r003" / name).read_bytes() == (results / "r003" / name).read_bytes()
    assert str(indexing.pull(["r003"], address, out)) == "1 same"
    (out / "r003/records.jsonl").write_text("mine\n")
    tally = indexing.pull(["r003"], address, out)
    assert "holds records that the store's copy does not" in tally.notes[0]
    assert (out / "r003/records.jsonl").read_text() == "mine\n"
    with pytest.raises(UnknownName, match="unknown run 'nope'"):
        indexing.pull(["nope"], address, out)


def test_a_run_whose_id_is_a_path_is_not_pulled(tmp_path, address):
    """Names that would leave the folder are told and left out."""
    folder = write(tmp_path / "a", "r1", records(CASE, [0.01]))
    told = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**told, "id": "../../evil"}))
    indexing.push([folder], address)
    tally = indexing.pull([], address, tmp_path / "out")
    assert "cannot be the name of a folder" in tally.notes[0]
    assert not (tmp_path / "out").exists()


def test_a_wrong_password_is_told_without_it(results, team, monkeypatch):
    """One sentence, the exit code of a tool's error, and the secret nowhere."""
    monkeypatch.setenv("PGPASSWORD", "hunter2secret")
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        indexing.push(indexing.all_runs(results), team)
    assert caught.value.exit_code == 1
    assert "hunter2secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_password_in_an_address_is_refused_and_not_repeated(tmp_path):
    """Command lines are seen by others."""
    for text in (
        "postgresql://me:hunter2@127.0.0.1/x",
        "postgresql://me@127.0.0.1/x?password=hunter2",
        "mysql://me:hunter2@h/x",
        "me:hunter2@h",
    ):
        with pytest.raises(UsageError) as caught:
            open_shelf(text)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["mysql://h/x", "nothing", "sqlite://", "sqlite:///:memory:", "postgresql://h:port/x"])
def test_an_address_that_will_not_do(text):
    """An unknown scheme, no file, a bad port: exit code 2 and what would do."""
    with pytest.raises(UsageError, match="postgresql://USER@HOST/DATABASE"):
        open_shelf(text)


def test_an_unreachable_server(tmp_path):
    """One sentence with the address and the reason."""
    with pytest.raises(StoreError, match=r"'postgresql://a@127.0.0.1:1/x' did not do it: .*refused"):
        open_shelf("postgresql://a@127.0.0.1:1/x")
    with pytest.raises(StoreError, match="is not there: make it with"):
        open_shelf(f"sqlite:///{tmp_path}/none.sqlite")


def test_a_foreign_database_and_a_newer_schema_are_left_alone(results, address):
    """Neither is written to; exit code 4."""
    engine = sqlalchemy.create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (x int)")
    with pytest.raises(WrongStore, match="holds tables of something else \\(theirs\\)"):
        indexing.push(indexing.all_runs(results), address)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE theirs")
    with pytest.raises(StoreError, match="is empty"):
        open_shelf(address)
    indexing.push(indexing.all_runs(results)[:1], address)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rnnbench_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(WrongStore, match="has schema 9999") as caught:
        open_shelf(address)
    assert caught.value.exit_code == 4


def test_the_migrations_make_the_tables_of_the_schema(address):
    """Alembic finds no difference between what its scripts made and rnnbench.store.schema."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from rnnbench.store.schema import TABLES, VERSION_TABLE

    shelf = open_shelf(address, create=True)
    with shelf._engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}), TABLES) == []


def test_readers_see_whole_runs_while_one_writes(results):
    """A reader beside a writer of the index sees the state before, at once."""
    shelf, _ = indexing.index(results)
    seen = []
    with shelf._writing() as connection:
        connection.exec_driver_sql("DELETE FROM rnnbench_runs")
        reader = threading.Thread(target=lambda: seen.append(len(open_shelf(f"sqlite:///{results / INDEX_FILE}").lines())))
        reader.start()
        reader.join(20)
        connection.rollback()
    assert seen == [24]


def test_without_the_extra_one_sentence(tmp_path):
    """Where SQLAlchemy is not installed the commands say what to install."""
    hide = "import sys; sys.modules['sqlalchemy'] = None; from rnnbench.cli import main; main()"
    done = tools.ended(sys.executable, "-c", hide, "index", "--results", ".", cwd=tmp_path)
    assert done.code == 2
    assert "pip install 'rnnbench[store]'" in done.err
    assert "Traceback" not in done.err


def test_an_empty_folder_is_told(tmp_path):
    """Nothing to push."""
    with pytest.raises(BadResults, match="holds no run"):
        indexing.all_runs(tmp_path)
    assert issubclass(BadResults, RnnbenchError)
