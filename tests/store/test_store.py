"""A store keeps what the files hold: the same tables from either, nothing lost and nothing doubled, no secret in any message."""

import json
import shutil
import subprocess
import sys
import threading

import pytest
import sqlalchemy

from rnnbench.analysis.frames import frame
from rnnbench.errors import BadResults, RnnbenchError, UnknownName, UsageError
from rnnbench.gate import index as indexing
from rnnbench.gate.formats.histories import as_json
from rnnbench.gate.history import history
from rnnbench.gate.source import Folder, source_at
from rnnbench.gate.sources import side
from rnnbench.gate.timeline import timeline
from rnnbench.journal import Journal
from rnnbench.reports.forms.table import write_as
from rnnbench.store.address import StoreError, WrongStore
from rnnbench.store.database import Database
from rnnbench.store.opening import INDEX_FILE, open_database
from tests import tools
from tests.gate.sides import CASE, records, write
from tests.limits import hung_s

METRICS = ("step_time_s", "operators")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    """An empty store of either engine."""
    return f"sqlite:///{tmp_path}/team.sqlite" if request.param == "sqlite" else request.getfixturevalue("team")


def kept(address):
    """Outcome of every table: what a second push must not change."""
    database = open_database(address)
    return [(line.id, line.records, line.content) for line in database.lines()], list(database.figures(None))


def test_same_tables_from_files_and_both_engines(results, address, tmp_path):
    """history, compare's sides, report and the site's timeline are equal whether read from files or from a store."""
    indexing.push(indexing.all_runs(results), address)
    files, store = Folder(results), source_at(results, address)
    assert as_json(history(files, metrics=METRICS)) == as_json(history(store, metrics=METRICS))
    assert history(store, metrics=METRICS).changed
    assert history(files, metrics=METRICS, cases=str(CASE)).series == history(store, metrics=METRICS, cases=str(CASE)).series
    for name in ("r003", "r02", "latest")[::2]:
        assert side(name, results) == side(name, results, store)
    assert frame(files.load(files.find("r003")).run).equals(frame(store.load(store.find("r003")).run))
    ours, theirs = timeline(files), timeline(store)
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
    database, _ = indexing.index(tmp_path)
    assert database.lines()[0].records == 1
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
    (line,) = open_database(address).lines()
    assert line.records == 2


def test_two_processes_push_at_once(results, team):
    """Two machines send the same runs at the same time to a database without tables: each run is there once."""
    words = [sys.executable, "-m", "rnnbench", "push", "--to", team, "--results", str(results)]
    pushing = [
        subprocess.Popen(words, env=tools.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for one in pushing:
        _, err = one.communicate(timeout=hung_s())
        assert (one.returncode, err) == (0, "")
    runs, figures = kept(team)
    assert [run for run, _, _ in runs] == [f"r{index:03d}" for index in range(24)]
    assert len(figures) == 24 * 3


def test_a_connection_dropped_within_a_push_loses_and_doubles_nothing(results, team, server, monkeypatch):
    """The server ends the connection after half of a run was sent: that run is not there at all, and the next push completes it."""
    runs = indexing.all_runs(results)
    fill = Database._fill
    count = iter(range(100))

    def dropped(self, connection, run, stored_run):
        fill(self, connection, run, stored_run)
        if next(count) == 3:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            server.sql(f"SELECT pg_terminate_backend({pid})")

    monkeypatch.setattr(Database, "_fill", dropped)
    with pytest.raises(StoreError, match="its previous contents are intact"):
        indexing.push(runs, team)
    assert [line.id for line in open_database(team).lines()] == ["r000", "r001", "r002"]
    assert len(list(open_database(team).figures(None))) == 9
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
            open_database(text)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["mysql://h/x", "nothing", "sqlite://", "sqlite:///:memory:", "postgresql://h:port/x"])
def test_an_address_that_will_not_do(text):
    """An unknown scheme, no file, a bad port: exit code 2 and what would do."""
    with pytest.raises(UsageError, match="postgresql://USER@HOST/DATABASE"):
        open_database(text)


def test_an_unreachable_server(tmp_path):
    """One sentence with the address and the reason."""
    with pytest.raises(StoreError, match=r"'postgresql://a@127.0.0.1:1/x' failed: .*refused"):
        open_database("postgresql://a@127.0.0.1:1/x")
    with pytest.raises(StoreError, match="does not exist: create it with"):
        open_database(f"sqlite:///{tmp_path}/none.sqlite")


def test_a_foreign_database_and_a_newer_schema_are_left_alone(results, address):
    """Neither is written to; exit code 4."""
    engine = sqlalchemy.create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (x int)")
    with pytest.raises(WrongStore, match="contains foreign tables \\(theirs\\)"):
        indexing.push(indexing.all_runs(results), address)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE theirs")
    with pytest.raises(StoreError, match="is empty"):
        open_database(address)
    indexing.push(indexing.all_runs(results)[:1], address)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rnnbench_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(WrongStore, match="has schema 9999") as caught:
        open_database(address)
    assert caught.value.exit_code == 4


def test_the_migrations_make_the_tables_of_the_schema(address):
    """Alembic finds no difference between what its scripts made and rnnbench.store.schema."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from rnnbench.store.schema import TABLES, VERSION_TABLE

    database = open_database(address, create=True)
    with database._engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}), TABLES) == []


def test_readers_see_whole_runs_while_one_writes(results):
    """A reader beside a writer of the index sees the state before, at once."""
    database, _ = indexing.index(results)
    seen = []
    with database._writing() as connection:
        connection.exec_driver_sql("DELETE FROM rnnbench_runs")
        reader = threading.Thread(target=lambda: seen.append(len(open_database(f"sqlite:///{results / INDEX_FILE}").lines())))
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
