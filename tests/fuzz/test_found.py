"""What fuzzing and reading the code found, each mended: hostile input ends in one sentence, and nothing of it is obeyed."""

import ast
import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from rnnbench import bounded, files
from rnnbench.case import Case
from rnnbench.errors import BadResults, BadValue, RnnbenchError, UsageError
from rnnbench.gate.formats.github import as_github
from rnnbench.gate.formats.markdown import as_markdown, code
from rnnbench.gate.sources import side
from rnnbench.own_data import BadData, task_of
from rnnbench.runs.request import Request
from rnnbench.runs.resume import SET_ASIDE, as_before, left_of, mend
from tests import tools
from tests.fuzz import documents
from tests.fuzz.polite import OBEYED, cli, sandbox
from tests.fuzz.targets import BASELINE, ID, RECORDS, RUN, as_bytes, put
from tests.limits import hung_s

ESCAPE = "\x1b]0;owned\x07\x1b[2J\u202e\ud800\nrnnbench: fine"
PICKLES = {  # which file may use which module for it
    "timeline.py": {"pickle"},  # writes, for torch's own viewer
    "parcel.py": {"pickle", "cloudpickle"},  # a model for this user's own processes; like a plugin it is code
}
PACKAGE = Path(files.__file__).parent
GOOD = b"\n".join(map(as_bytes, RECORDS)) + b"\n"


@pytest.fixture
def home():
    """A folder that nothing may leave."""
    with sandbox() as folder:
        yield folder


def foreign(path: Path, name: str) -> None:
    """pytest-benchmark's JSON with one benchmark."""
    row = {"fullname": name, "stats": {"data": [1.0, 2.0], "median": 1.5}}
    path.write_bytes(as_bytes({"machine_info": {"node": ESCAPE}, "benchmarks": [row], "commit_info": {"id": ESCAPE}}))


@pytest.mark.parametrize("odd", [3, 10**400, "words", {"a": 1, "memory_bytes": 10**400}, [None, 3], None])
def test_arguments_and_machines_of_another_kind(home, odd):
    """Where a run's command, settings, duet or GPUs are something else than lists and objects, the report goes without them."""
    arguments = dict.fromkeys(("command", "set", "plugins", "duet", "threads", "budget", "isolation"), odd)
    machine = dict.fromkeys(("gpus", "cpu", "torch", "packages", "ceilings", "container"), odd)
    put(home, as_bytes({**RUN, "arguments": arguments, "machine": machine}), GOOD)
    assert cli(home, "report", ID, "--format", "html", "--format", "md", "--format", "csv").code == 0
    assert cli(home, "compare", ID, ID).code in (2, 4)
    assert cli(home, "history").code == 0
    assert cli(home, "site", "public").code == 0


def test_a_suite_that_is_no_text(home):
    """A run whose suite sweeps a list is refused in a sentence."""
    put(home, as_bytes({**RUN, "suites": [{**RUN["suites"][0], "x": ["depth"]}]}), GOOD)
    said = cli(home, "report", ID)
    assert said.code == 4
    assert "['depth'] in a suite" in said.err


def test_a_baseline_whose_axes_are_short(home):
    """A case of a baseline that names no device is compared without one."""
    put(home, as_bytes(RUN), GOOD)
    short = json.loads(as_bytes(BASELINE).replace(b'"device": "cpu", ', b""))
    (home / "results/baselines").mkdir()
    (home / "results/baselines/x.json").write_bytes(as_bytes(short))
    said = cli(home, "compare", ID, "baseline:x")
    assert said.code == 4
    assert "advisory" in said.out


@pytest.mark.parametrize("time", [0, 1e308, 1e-308])
def test_times_that_no_clock_gives(home, time):
    """A round of no time, or of longer than the world is old, leaves its case without an interval and the report in one piece: no warning
    of numpy's either."""
    odd = [{**one, "times_s": [time, *one["times_s"][1:]]} if one.get("times_s") else one for one in RECORDS]
    put(home, as_bytes(RUN), b"\n".join(map(as_bytes, odd)) + b"\n")
    with warnings.catch_warnings(action="error"):
        assert cli(home, "report", ID, "--format", "html", "--format", "md", "--format", "csv").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("report", ID),
        ("report", ESCAPE.replace("\ud800", "")),
        ("compare", "a.json", "b.json"),
        ("compare", "a.json", "b.json", "--format", "github"),
        ("compare", "a.json", "b.json", "--format", "md"),
        ("compare", "a.json", "b.json", "--format", "junit"),
        ("export", "a.json", "--format", "otava-csv"),
        ("export", "a.json", "--format", "openmetrics"),
        ("baseline", "show", "x"),
        ("baseline", "list"),
        ("history", "--format", "md"),
        ("run", "--suite", ESCAPE.replace("\ud800", "")),
    ],
    ids=lambda words: " ".join(words)[:30].encode("ascii", "replace").decode(),
)
def test_no_name_reaches_the_terminal_as_more_than_text(words, home):
    """Escape sequences, marks of direction, half surrogates and line ends within data are shown by their codes."""
    put(home, as_bytes({**RUN, "id": ESCAPE, "machine": {"hostname": ESCAPE}, "commit": {"hash": ESCAPE}}), GOOD + b'{"case": "\x1b[2J"}\n')
    foreign(home / "a.json", ESCAPE)
    foreign(home / "b.json", f"other {ESCAPE}")
    (home / "results/baselines").mkdir()
    told = {"status": "failed", "reason": ESCAPE + "[bold]", "exact": {ESCAPE: 1}}
    (home / "results/baselines/x.json").write_bytes(as_bytes({"schema": 1, "commit": {"hash": ESCAPE}, "cases": {ESCAPE: told}}))
    said = cli(home, *words)  # asserts that nothing printed is obeyed
    assert said.out or said.err


@pytest.mark.parametrize("form", ["html", "md", "svg", "json", "notebook"])
def test_no_name_hides_in_a_report(form, home):
    """Reasons, notes and titles show such characters by their codes in every form that people read."""
    spoilt = [{**one, "notes": [ESCAPE], "reason": ESCAPE, "beside": ESCAPE, "kernels": [ESCAPE]} for one in RECORDS]
    suites = [{**RUN["suites"][0], "title": ESCAPE, "question": ESCAPE}]
    put(home, as_bytes({**RUN, "suites": suites, "machine": {ESCAPE: ESCAPE}}), b"\n".join(map(as_bytes, spoilt)) + b"\n")
    cli(home, "report", ID, "--format", form)
    for path in home.glob("reports/**/*"):
        if path.is_file() and form in ("html", "md", "svg"):
            assert not OBEYED.search(path.read_text(encoding="utf-8")), path


def test_a_stream_that_cannot_hold_a_letter_shows_its_code(tmp_path):
    """Under an encoding without long dashes and arrows a command prints their codes and ends as it would have."""
    done = tools.command("report", "–", cwd=tmp_path, PYTHONIOENCODING="latin-1")
    assert done.code == 2
    assert "unknown run '\\u2013'" in done.err


def test_commands_print_through_one_place():
    """No command prints past cli/display/output.py and cli/display/terminal.py, which spell out what a terminal would obey."""
    for path in sorted((PACKAGE / "cli").glob("*.py")):
        if path.name in ("output.py", "terminal.py"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not called & {"print", "typer.echo", "typer.secho", "Console", "sys.stdout.write", "sys.stderr.write", "escape"}, path


def test_nothing_of_a_results_folder_is_unpickled_or_run():
    """The package unpickles nothing but what `rnnbench.measure` packs for its own processes, has no eval or exec, and loads tensors with
    weights_only=True."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {one.name for one in node.names} | {getattr(node, "module", "") or ""}
                assert not names & {"pickle", "dill", "marshal", "shelve", "cloudpickle", "joblib", "yaml"} - PICKLES.get(
                    path.name, set()
                ), path
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                assert name not in ("eval", "exec", "compile", "pickle.load", "pickle.Unpickler"), path
                assert name != "pickle.loads" or path.name == "parcel.py", path
                if name.endswith(("torch.load", "np.load")):
                    assert any(word.arg == "weights_only" and ast.literal_eval(word.value) for word in node.keywords), path


def test_a_pickle_in_place_of_weights_is_not_run(tmp_path, monkeypatch):
    """A teacher's file that would call something on loading is refused, and what it would call is not called."""
    import pickle

    from rnnbench.measure.learn import distillation
    from rnnbench.tasks._problem import PROBLEMS

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    case = Case(suite="s", task="adding", phase="converge")
    problem = PROBLEMS["adding"]
    (tmp_path / f"{distillation.digest(case, problem)}.pt").write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(pickle.UnpicklingError):
        distillation.kept(case, problem, tmp_path, dict)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("name", ["../../evil.py", "evil.py", "/tmp/bench_evil.py", "./suites/../bench_evil.py", ""])
def test_a_suite_named_by_a_run_is_never_loaded(name, home):
    """A run that is gone on with names its suites; a file among them has to be named again by the user."""
    case = {"case": Case(suite="depth").as_dict(), "process": 0}
    put(home, as_bytes({**RUN, "suites": [{"name": name}], "planned": [case], "arguments": {"plugins": ["evil.py"]}}), b"")
    left = left_of(ID, home / "results")
    with pytest.raises(UsageError, match="name them again"):
        as_before(Request(resume=ID), left)


@pytest.mark.parametrize("process", [float("inf"), 10**400, "x", None])
def test_a_plan_that_cannot_be_is_told(process, home):
    """A plan with an impossible process is refused by its file."""
    put(home, as_bytes({**RUN, "planned": [{"case": RECORDS[0]["case"], "process": process}]}), b"")
    if process == 10**400:
        assert left_of(ID, home / "results").tasks[0][1] == process
    else:
        with pytest.raises(BadResults, match=r"its plan cannot be read"):
            left_of(ID, home / "results")


@pytest.mark.parametrize("place", ["records.jsonl", "logs", "logs/case.log"])
def test_a_run_with_links_is_not_gone_on_with(place, home):
    """Going on with a run writes into its folder; a symbolic link there would lead the writing elsewhere."""
    folder = put(home, as_bytes(RUN), GOOD)
    link = folder / place
    link.unlink(missing_ok=True)
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(home.parent.parent / "outside")
    with pytest.raises(BadResults, match="a symbolic link"):
        left_of(ID, home / "results")


@pytest.mark.parametrize("name", ["x" * 300, "../../outside", "/etc/hostname", "..", "a/../../b", "x" * 300 + ".json"])
def test_names_that_lead_elsewhere_are_refused(name, home):
    """No name of a baseline leaves its folder, and no name is too long to be told."""
    put(home, as_bytes(RUN), GOOD)
    for wanted in (f"baseline:{name}", name):
        with pytest.raises(RnnbenchError):
            side(wanted, home / "results")
    cli(home, "baseline", "save", name, ID)
    assert not (home / "results/baselines").exists()


@pytest.mark.parametrize("run", ["../../outside", "/etc/x", "a/b", ".hidden", "..", "", "\x1b[2J", "x" * 400])
def test_a_store_names_no_folder_elsewhere(run, home):
    """A run of a store whose id is a path is left out, told, and written nowhere."""
    put(home, as_bytes({**RUN, "id": run}), GOOD)
    store = f"sqlite:///{home}/store.sqlite"
    assert cli(home, "push", ID, "--to", store).code == 0
    said = cli(home, "pull", "--from", store, "--results", str(home / "pulled"))
    assert "cannot be the name of a folder" in said.err
    assert not (home / "pulled").exists()


@pytest.mark.parametrize(("column", "value"), [("facts", "{"), ("facts", "[]"), ("machine", "3"), ("id", 5), ("records", "x")])
def test_an_index_that_holds_something_else_is_told(column, value, home):
    """Rows of a results folder's index that rnnbench did not write end in a sentence that says what to do."""
    put(home, as_bytes(RUN), GOOD)
    cli(home, "index")
    with contextlib.closing(sqlite3.connect(home / "results/index.sqlite")) as database:
        database.execute(f"UPDATE rnnbench_runs SET {column} = ?", (value,))
        database.commit()
    for words in (("history",), ("report", "latest", "--format", "md", "--from", f"sqlite:///{home}/results/index.sqlite")):
        assert cli(home, *words).code in (0, 2, 4)


def test_a_store_is_not_unpacked_without_end(home, monkeypatch):
    """A packed body that grows beyond what a run may hold is refused before it has grown."""
    import zlib

    from rnnbench.store import database

    monkeypatch.setattr(database, "MOST_BYTES", 10_000)
    assert list(database._unpacked([zlib.compress(b"x" * 4_000), zlib.compress(b"y" * 6_000)])) == [b"x" * 4_000, b"y" * 6_000]
    with pytest.raises(ValueError, match="more than 10,000 bytes"):
        list(database._unpacked([zlib.compress(b"x" * 50_000_000)]))
    with pytest.raises(ValueError, match="cut off"):
        list(database._unpacked([zlib.compress(os.urandom(100))[:50]]))


def test_asv_parameters_are_not_multiplied_without_end(tmp_path):
    """Thirty parameters of ten values are a billion billion billion combinations; as many as there are results are made."""
    row = [[0.5, 0.25], [["a"] * 10] * 30, "v"]
    path = tmp_path / "x.json"
    path.write_text(json.dumps({**documents.ASV, "results": {"lstm.time_step": row}}))
    assert len(side(str(path), tmp_path).cases) == 1


def test_a_case_without_a_suite_is_refused():
    """A case that lacks its suite is refused by name."""
    with pytest.raises(BadValue, match="suite=None"):
        Case.from_dict({"depth": 1})


@pytest.mark.parametrize("where", ["run.json", "records.jsonl", "baselines/x.json", ".doctor.json", "x.csv"])
def test_a_pipe_is_no_file(where, home):
    """A pipe, for which a reader would wait for ever, is told instead, wherever a file belongs."""
    folder = put(home, as_bytes(RUN), GOOD)
    path = {"run.json": folder, "records.jsonl": folder, "x.csv": home}.get(where, home / "results") / where
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    if where == "x.csv":
        with pytest.raises(BadData, match="not a regular file"):
            task_of(path)
    cli(home, "compare", "baseline:x", str(folder))
    cli(home, "report", str(folder), "--format", "md")


def test_a_document_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    """No more than the limit is read of one file, and the sentence says how much that is."""
    path = tmp_path / "x"
    path.write_bytes(b"x" * 11)
    assert bounded.content(path, 11) == b"x" * 11
    with pytest.raises(OSError, match="larger than the 10 bytes"):
        bounded.content(path, 10)


def test_a_line_of_half_a_gigabyte_is_read_in_bounded_memory(tmp_path):
    """A journal with a line of 512 MiB between two records is read within 384 MiB of address space: both records, and the damage."""
    good = json.dumps(tools.record().as_dict()).encode() + b"\n"
    path = tmp_path / "records.jsonl"
    with path.open("wb") as file:
        file.write(good)
        file.seek(2**29, os.SEEK_CUR)  # sparse: no disk is used
        file.write(b"\n" + good)
    program = (
        "import resource, sys, pathlib\n"
        "from rnnbench.files import read_records\n"
        "resource.setrlimit(resource.RLIMIT_AS, (384 * 2**20,) * 2)\n"
        "records, damage = read_records(pathlib.Path(sys.argv[1]))\n"
        "print(len(records), [str(one) for one in damage])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=hung_s(), check=False)
    assert done.stdout == "2 ['line 2: longer than 67108864 bytes']\n", done.stderr


def test_a_line_of_brackets_is_not_made_into_objects(monkeypatch, tmp_path):
    """Empty lists take twenty times the memory of their text; a line of them is damage before it is read."""
    monkeypatch.setattr(files, "MOST_BRACKETS", 100)
    (tmp_path / "records.jsonl").write_bytes(b'{"a": [' + b"[]," * 200 + b"[]]}\n")
    _, (damage,) = files.read_records(tmp_path / "records.jsonl")
    assert str(damage) == "line 1: more than 100 brackets"


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_long_half_line_is_set_aside_in_pieces(end, tmp_path, monkeypatch):
    """A run is gone on with after a half-written line of any length: it goes to a file aside, piece by piece."""
    from rnnbench.runs import resume

    monkeypatch.setattr(resume, "MAX_LINE_BYTES", 1000)
    whole = GOOD * 2000 if end else b""
    (tmp_path / "records.jsonl").write_bytes(whole + b"x" * 3_000_000)
    mend(tmp_path)
    assert (tmp_path / "records.jsonl").read_bytes() == whole
    assert (tmp_path / SET_ASIDE).read_bytes() == b"x" * 3_000_000 + b"\n"


def test_what_the_callers_shell_holds_does_not_confine_a_run():
    """Variables with which a run tells its own server what to do are set for every server, so that others' values do not reach it."""
    told = Request().server_environment()
    assert (told["RNNBENCH_PIN"], told["RNNBENCH_MEMORY_LIMIT"]) == ("", "")


@pytest.mark.parametrize("name", ["a`b", "``", "`", "a\n`b`", "x" + "`" * 9, "| a |", "\x1b[2J"])
def test_a_name_stays_within_its_backticks(name):
    """As many backticks around a name as it cannot end, on one line."""
    told = code(name)
    fence = told[: len(told) - len(told.lstrip("`"))]
    inner = told[len(fence) : -len(fence)]
    assert fence not in inner
    assert not OBEYED.search(told)


def test_annotations_and_comments_hold_no_markup_of_others(home):
    """Pictures, links and further annotations within a reason are shown as they were written."""
    from rnnbench.gate.compare import compare
    from rnnbench.gate.policy import Policy
    from tests.gate.sides import CASE, lost, records, times
    from tests.gate.sides import side as made

    reason = "![x](http://192.0.2.1/p) [y](javascript:1) <img> \n::error::z\x1b[2J"
    found = compare(made("a", records(CASE, times(0))), made("b", lost(CASE, reason=reason)), Policy())
    text = as_markdown(found)
    assert "![x]" not in text
    assert " [y]" not in text
    assert "<img" not in text
    assert "\n::error::z" not in as_github(found)
    assert "\x1b" not in as_github(found) + text


def test_help_is_shown_as_it_is():
    """What rich writes for people stays: help comes through."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        from rnnbench.cli.display.terminal import console

        console().print("[bold]x[/] y")
    assert "x y" in out.getvalue()


def test_a_machine_that_is_no_table_is_exported_all_the_same(home):
    """What run.json says of CPU, torch and budget may be anything; pytest-benchmark's format then says nothing of it."""
    put(home, as_bytes({**RUN, "machine": {"cpu": 3, "torch": "x"}, "arguments": {"budget": 7}}), GOOD)
    assert cli(home, "export", ID, "--format", "pytest-benchmark").code == 0


def test_a_baseline_with_a_metric_of_no_process_is_shown(home):
    """A sampled metric without any process is no figure."""
    (home / "results/baselines").mkdir(parents=True)
    told = {"schema": 1, "cases": {"x": {"status": "ok", "sampled": {"step_time_s": {}}}}}
    (home / "results/baselines/x.json").write_bytes(as_bytes(told))
    assert cli(home, "baseline", "show", "x").code == 0


@pytest.mark.parametrize("odd", ["a text", 3, None, [], ["suite"]])
def test_a_plan_whose_case_is_no_object(home, odd):
    """A run that plans something else than a case cannot be resumed, in a sentence."""
    planned = [{**RUN["planned"][0], "case": odd}]
    put(home, as_bytes({**RUN, "planned": planned}), GOOD)
    with pytest.raises(BadResults, match="its plan cannot be read"):
        left_of(ID, home / "results")
