"""Every way in for what others wrote, a target each: what may come, and what is done with it."""

import json
import math
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from rnnbench.analysis.frames import Loaded
from rnnbench.case import AXES, Case
from rnnbench.choose import parse_set, selector
from rnnbench.device.visible import visible
from rnnbench.errors import Unsupported
from rnnbench.files import find_run
from rnnbench.gate.baseline import baseline_path, baseline_text
from rnnbench.gate.policy import policy_of
from rnnbench.gate.side import side_of_run
from rnnbench.gate.sources import side
from rnnbench.gate.triage import entries_of
from rnnbench.runs.export import benchmark_json
from rnnbench.runs.lock import device_lock, held
from rnnbench.runs.request import Request
from rnnbench.runs.resume import as_before, differences, left_of
from rnnbench.runs.tuning.tuned_file import read as read_tuning
from tests.fuzz import documents
from tests.fuzz.polite import cli, refused, sandbox
from tests.fuzz.values import NAMES, NASTY, VALUES, spoilt

RUN = documents.run_json()
RECORDS = documents.records()
BENCHMARK = json.loads(json.dumps(benchmark_json(documents.whole())))
BASELINE = json.loads(baseline_text(side_of_run(Loaded(documents.whole()))))
ID = RUN["id"]


@dataclass(frozen=True, slots=True)
class Target:
    """`check` raises for whatever is not polite. `few` examples are tried in the ordinary tests."""

    name: str
    data: st.SearchStrategy[Any]
    check: Callable[[Any], None]
    few: int


def as_bytes(tree: Any) -> bytes:
    """JSON as Python reads it: NaN, infinities and half surrogates included."""
    return json.dumps(tree).encode("utf-8", "surrogatepass")


def cut(data: bytes) -> st.SearchStrategy[bytes]:
    """Bytes that end early, have a hole, or hold what is no text."""
    places = st.integers(0, len(data))
    return st.tuples(places, places, st.binary(max_size=6)).map(lambda one: data[: min(one[:2])] + one[2] + data[max(one[:2]) :])


def put(home: Path, run: bytes, records: bytes, name: str = ID) -> Path:
    """A results folder with one run."""
    folder = home / "results" / name
    folder.mkdir(parents=True)
    (folder / "run.json").write_bytes(run)
    (folder / "records.jsonl").write_bytes(records)
    return folder


def _journal(lines: bytes) -> None:
    with sandbox() as home:
        put(home, as_bytes(RUN), lines)
        put(home, as_bytes({**RUN, "id": "other"}), b"\n".join(map(as_bytes, RECORDS)) + b"\n", "other")
        cli(home, "report", ID, "--format", "md", "--format", "csv")
        cli(home, "compare", "other", ID, "--format", "github")
        cli(home, "compare", "other", ID)
        cli(home, "export", ID, "--format", "otava-csv")


def _page(tree: tuple[Any, Any]) -> None:
    run, records = tree
    lines = records if isinstance(records, list) else [records]
    with sandbox() as home:
        put(home, as_bytes(run), b"\n".join(map(as_bytes, lines)) + b"\n")
        cli(home, "report", ID, "--format", "html", "--format", "json")
        cli(home, "site", "public", "--pages", "1")
        for path in (*home.glob("reports/*.html"), *home.glob("public/**/*.html")):
            documents.check_page(path.read_text(encoding="utf-8"))


def _figures(records: Any) -> None:
    lines = records if isinstance(records, list) else [records]
    with sandbox() as home:
        put(home, as_bytes(RUN), b"\n".join(map(as_bytes, lines)) + b"\n")
        cli(home, "report", ID, "--format", "svg", "--format", "notebook")
        for path in home.glob("reports/**/*.svg"):
            documents.check_drawing(path.read_bytes())


def _run(data: bytes) -> None:
    with sandbox() as home:
        folder = put(home, data, b"\n".join(map(as_bytes, RECORDS)) + b"\n")
        cli(home, "report", ID, "--format", "md")
        cli(home, "history")
        cli(home, "gc", "--keep", "0")
        cli(home, "export", ID, "--format", "pytest-benchmark")
        cli(home, "baseline", "save", "kept", ID)
        cli(home, "baseline", "list")
        cli(home, "index")
        cli(home, "history", "--format", "md")
        with refused():
            left = left_of(ID, home / "results")
            request = as_before(Request(resume=ID, results=home / "results"), left)
            assert not request.plugins
            differences(left, left.run.machine, RUN["machine"], RUN["commit"])
        assert folder.is_dir()


def _resume(tree: Any) -> None:
    """Nothing of a run's own file is ever loaded as code, and a run's name leads nowhere else."""
    with sandbox() as home:
        put(home, as_bytes(tree), b"")
        (home / "evil.py").write_text("raise SystemExit('code of a results folder was run')")
        with refused():
            left = left_of(ID, home / "results")
            request = as_before(Request(resume=ID, results=home / "results"), left)
            assert all(name in documents.shipped() for name in request.suites), request.suites


def _foreign(data: tuple[bytes, bytes]) -> None:
    with sandbox() as home:
        for name, content in zip(("a.json", "b.json"), data, strict=True):
            (home / name).write_bytes(content)
        cli(home, "compare", "a.json", "b.json")
        cli(home, "compare", "b.json", "a.json", "--format", "md")
        cli(home, "export", "b.json", "--format", "gab-smaller")


def _baseline(data: bytes) -> None:
    with sandbox() as home:
        put(home, as_bytes(RUN), b"\n".join(map(as_bytes, RECORDS)) + b"\n")
        (home / "results/baselines").mkdir()
        (home / "results/baselines/x.json").write_bytes(data)
        cli(home, "compare", "baseline:x", ID)
        cli(home, "compare", ID, "baseline:x", "--format", "junit")
        cli(home, "baseline", "show", "x")
        cli(home, "baseline", "list")


def _expression(texts: tuple[str, str]) -> None:
    with refused():
        for values in parse_set([texts[0]]).values():
            assert all(value is None or isinstance(value, bool | int | float | str) for value in values)
    with refused():
        keep = selector(texts[1])
        assert keep is None or isinstance(keep(Case(suite="depth")), bool)


def _case(values: Any) -> None:
    with refused():
        case = Case.from_dict(values) if isinstance(values, dict) else Case(suite=values)
        name = str(case)
        assert name.isascii()
        assert name.isprintable()
        assert ".." not in Path(name).parts
        assert len(Path(name).parts) == 2
        assert Case.from_dict(json.loads(json.dumps(case.as_dict()))) == case


def _data(given: tuple[str, bytes]) -> None:
    from rnnbench.tasks._own import add
    from rnnbench.tasks._problem import PROBLEMS

    suffix, content = given
    with sandbox() as home, refused():
        (home / f"x{suffix}").write_bytes(content)
        problem = PROBLEMS[add(home / f"x{suffix}")]
        with suppress(Unsupported):
            made = problem.make(Case(suite="own_data", task=problem.name, phase="converge", seq_len=24, device="cpu"))
            assert math.isfinite(made.trivial)


def _lengths(content: bytes) -> None:
    from rnnbench.own_lengths import named, read

    with sandbox() as home, refused():
        (home / "x.lengths").write_bytes(content)
        name, found = read(home / "x.lengths")
        assert found
        assert all(0 < one < 2**31 for one in found)
        assert named([f"lengths={home}/x.lengths"], []) == ((f"lengths={name}",), (f"{home}/x.lengths",))
        Case(suite="s", lengths=name)


def _environment(values: dict[str, str]) -> None:
    with sandbox() as home, mock.patch.dict(os.environ, values), refused():
        os.environ["RNNBENCH_LOCKS"] = str(home / values["RNNBENCH_LOCKS"].lstrip("/."))
        visible(values["CUDA_VISIBLE_DEVICES"])
        assert set(Request().server_environment()) >= {"RNNBENCH_PIN", "RNNBENCH_MEMORY_LIMIT"}, "a caller's own must not reach the server"
        for device in ("cpu", "cuda", "cuda:1", "cuda:x"):
            path = device_lock(device)
            assert path.parent == Path(os.environ["RNNBENCH_LOCKS"])
            with held("device", path):
                pass


def _name(name: str) -> None:
    with sandbox() as home:
        put(home, as_bytes({**RUN, "id": name}), b"\n".join(map(as_bytes, RECORDS)) + b"\n")
        results = home / "results"
        for make in (lambda: find_run(name, results), lambda: side(name, results), lambda: side(f"baseline:{name}", results)):
            with refused():
                make()
        with refused():
            assert baseline_path(results, name).resolve().parent == (results / "baselines").resolve()
        cli(home, "report", ID, "--format", "md")
        cli(home, "baseline", "save", "--", name, ID)
        cli(home, "compare", "--", f"baseline:{name}", ID)
        cli(home, "history", "--case", name, "--canary", name)
        cli(home, "push", ID, "--to", f"sqlite:///{home}/store.sqlite")
        (home / "pulled").mkdir()
        cli(home, "pull", "--from", f"sqlite:///{home}/store.sqlite", "--results", str(home / "pulled" / "here"))
        assert [path.name for path in (home / "pulled").iterdir()] in ([], ["here"])


def _index(given: tuple[str, str, Any]) -> None:
    """A results folder's index comes with the folder, and is data as all of it."""
    table, column, value = given
    with sandbox() as home:
        put(home, as_bytes(RUN), b"\n".join(map(as_bytes, RECORDS)) + b"\n")
        cli(home, "index")
        with closing(sqlite3.connect(home / "results/index.sqlite")) as database, suppress(sqlite3.Error, OverflowError, UnicodeError):
            database.execute(f'UPDATE "{table}" SET "{column}" = ?', (value,))
            database.commit()
        cli(home, "history")
        cli(home, "compare", "latest", ID, "--from", f"sqlite:///{home}/results/index.sqlite")
        cli(home, "report", "--from", f"sqlite:///{home}/results/index.sqlite", "--format", "md")


def _settings(table: Any) -> None:
    with refused():
        policy_of(table)


def _triage(data: Any) -> None:
    with refused():
        entries_of(data)


def _settings_file(data: bytes) -> None:
    with sandbox() as home:
        put(home, as_bytes(RUN), b"\n".join(map(as_bytes, RECORDS)) + b"\n")
        (home / "pyproject.toml").write_bytes(data)
        (home / "results/triage.toml").write_bytes(data)
        (home / "results/.doctor.json").write_bytes(data)
        (home / "results/.ceilings.json").write_bytes(data)
        cli(home, "compare", ID, f"results/{ID}")
        cli(home, "history", "--check")


def _tuning(data: bytes) -> None:
    with sandbox() as home:
        (home / "tuned.json").write_bytes(data)
        with refused():
            tuned = read_tuning(home / "tuned.json")
            assert all(math.isfinite(choice.values["lr"]) for choice in tuned.choices.values())
            tuned.about([Case(suite="s", phase="converge", task="parity")])


WORDS = [
    *AXES,
    "and",
    "or",
    "not",
    "in",
    "==",
    "<",
    ">=",
    "(",
    ")",
    "[",
    "]",
    ",",
    "'lstm'",
    "2",
    "1e9",
    "None",
    "lambda",
    ":",
    ".",
    "__class__",
    "f''",
]
EXPRESSIONS = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join) | st.text(max_size=30) | st.sampled_from(NASTY)
DEEP = st.sampled_from(
    ("(" * 300, "not " * 3000 + "1", "[" * 4000, "-" * 5000 + "1", "1" + "==1" * 3000, "depth and " * 900 + "1", "'" + "\\x" * 40)
)
SETS = st.tuples(st.sampled_from([*AXES, "nope", ""]), st.sampled_from(("=", "", "==")), NAMES | st.integers().map(str)).map("".join)
FILES = st.sampled_from((".tsv", ".csv", ".txt")).flatmap(lambda suffix: st.tuples(st.just(suffix), documents.data(suffix)))
SAFE = NAMES.filter(lambda one: "\0" not in one and not any("\ud800" <= letter <= "\udfff" for letter in one))
LINES = st.lists(st.sampled_from(RECORDS).flatmap(spoilt).map(as_bytes) | st.binary(max_size=40), min_size=1, max_size=3).map(
    lambda lines: b"\n".join((*lines, as_bytes(RECORDS[0]))) + b"\n"
)
OWN = st.one_of(*(spoilt(one).map(as_bytes) for one in (BENCHMARK, documents.ASV, BASELINE)), cut(as_bytes(BENCHMARK)))

TARGETS = {
    one.name: one
    for one in (
        Target("records", LINES, _journal, 3),
        Target("page", st.tuples(spoilt(RUN), spoilt(RECORDS)), _page, 2),
        Target("figures", spoilt(RECORDS), _figures, 1),
        Target("run", spoilt(RUN).map(as_bytes) | cut(as_bytes(RUN)), _run, 3),
        Target("resume", spoilt(RUN, 6), _resume, 20),
        Target("foreign", st.tuples(OWN, OWN), _foreign, 10),
        Target("baseline", spoilt(BASELINE).map(as_bytes) | cut(as_bytes(BASELINE)), _baseline, 5),
        Target("expression", st.tuples(SETS, EXPRESSIONS | DEEP), _expression, 100),
        Target("case", spoilt({"suite": "s", "depth": 1, "lr": 0.1, "task": "t"}) | st.text() | VALUES, _case, 100),
        Target("data", FILES, _data, 10),
        Target("lengths", cut(b"12\n7\n\n128\n1\n"), _lengths, 30),
        Target(
            "environment",
            st.fixed_dictionaries(dict.fromkeys(("RNNBENCH_LOCKS", "CUDA_VISIBLE_DEVICES", "RNNBENCH_PIN", "RNNBENCH_MEMORY_LIMIT"), SAFE)),
            _environment,
            20,
        ),
        Target("name", SAFE, _name, 3),
        Target("index", st.tuples(st.sampled_from(documents.TABLES), st.text(max_size=1), VALUES).flatmap(documents.cell), _index, 2),
        Target("settings", spoilt(documents.SETTINGS) | VALUES, _settings, 50),
        Target("triage", spoilt(documents.TRIAGE) | VALUES, _triage, 50),
        Target("tuning", spoilt(documents.TUNING).map(as_bytes) | cut(as_bytes(documents.TUNING)), _tuning, 30),
        Target("settings_file", documents.SETTINGS_FILES, _settings_file, 3),
    )
}
