"""Whole documents to be spoilt, and what a page or a drawing made of them may not hold."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from hypothesis import strategies as st

from rnnbench.record import Run
from rnnbench.runs.catalog import shipped
from rnnbench.store.schema import TABLES as STORED
from tests.fuzz.polite import OBEYED
from tests.reports import factory

__all__ = [
    "ASV",
    "SETTINGS",
    "SETTINGS_FILES",
    "TABLES",
    "TRIAGE",
    "cell",
    "check_drawing",
    "check_page",
    "data",
    "records",
    "run_json",
    "shipped",
    "whole",
]

ASV: dict[str, Any] = {
    "commit_hash": "abc",
    "params": {"machine": "m", "cpu": "EPYC", "num_cpu": "2"},
    "python": "3.11",
    "result_columns": ["result", "params", "version"],
    "results": {"lstm.time_step": [[0.5, None], [["'fp32'", "'bf16'"]], "v"], "lstm.time_all": [[0.25], [], "v"]},
    "version": 2,
}
SETTINGS: dict[str, Any] = {
    "min-effect": "2%",
    "alpha": 0.01,
    "metrics": ["step_time_s"],
    "override": [{"case": "depth/*bf16*", "metric": "step_time_s", "min-effect": "5%"}],
}
TRIAGE: dict[str, Any] = {
    "change": [{"case": "depth/*", "metric": "step_time_s", "commits": "1f0c2d9a4b..8e77ab01c3", "state": "noise", "reason": "a backup"}]
}
SETTINGS_FILES = st.binary(max_size=40) | st.sampled_from(
    (
        b"[tool]\nrnnbench = 3\n",
        b'[tool.rnnbench.gate]\nmin-effect = "\\u001b2%"\n',
        b"{" * 5000,
        b"[" * 5000,
        b"null",
        b'{"x": {"at_utc": 1, "pairs": [[1e400, 0]]}}',
    )
)
TABLES = [(table.name, column.name) for table in STORED.sorted_tables for column in table.columns]
_RUNS = (
    st.just(b"1,2\n")
    | st.binary(max_size=12)
    | st.sampled_from((b"a\tb\n", b"\xff\xfe", b"nan,inf\n", b"1e400,2\n", b'"', b"\x00", b",\n", b"\xe2\x80\xa8"))
)


def whole() -> Run:
    """A small run with a failed case, notes and a curve."""
    grid = factory.cases("depth", variant=("lstm", "gru"), depth=(1, 2), hidden_size=(8,), batch_size=(2,), seq_len=(4,))
    found = [factory.record(case, rounds=7, notes=("contended: 2 cores busy",)) for case in grid[:-1]]
    found[0] = replace(found[0], curve=((1, 0.1, 2.0, 0.2), (2, 0.2, 1.0, 0.4)), kernels=("gemm 40 %",), bound="compute")
    planned = tuple({"case": case.as_dict(), "process": 0} for case in grid)
    return factory.run([*found, factory.failed(grid[-1], "crashed", "killed by SIGSEGV")], planned=planned)


def run_json() -> dict[str, Any]:
    """Its run.json."""
    return json.loads(json.dumps(whole().as_dict()))


def records() -> list[dict[str, Any]]:
    """The lines of its records.jsonl."""
    return [json.loads(json.dumps(one.as_dict())) for one in whole().records]


def data(suffix: str) -> st.SearchStrategy[bytes]:
    """A file of data of one's own, nearly right: long enough to be learned from, with something odd in it."""
    line = {".tsv": b"w%d x\ty w%d\n", ".csv": b"%d,%d\n", ".txt": b"some text %d and %d.\n"}[suffix]
    good = b"".join(line % (number, number % 7) for number in range(260))
    return (
        st.lists(_RUNS, max_size=3)
        .map(b"".join)
        .flatmap(lambda odd: st.sampled_from((odd + good, good + odd, odd, good[:900] + odd + good[900:])))
    )


def cell(one: tuple[tuple[str, str], Any, Any]) -> st.SearchStrategy[tuple[str, str, Any]]:
    """What is put into one column of a store."""
    (table, column), text, value = one
    plain = (
        value
        if isinstance(value, str | bytes | float | type(None)) or (isinstance(value, int) and abs(value) < 2**63)
        else json.dumps(value)
    )
    return st.sampled_from((plain, text, b"x\x9c\x00", "{}", "[]", "[1,2]", '{"notes": 3}')).map(lambda found: (table, column, found))


class _Tags(HTMLParser):
    """Elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.found.append((tag, dict(attrs)))


def check_page(text: str) -> None:
    """No script but ours, no handler, no address, and no character that hides or reorders what is read."""
    tags = _Tags(text).found
    assert sum(tag == "script" for tag, _ in tags) <= 2
    for tag, attributes in tags:
        assert tag not in ("iframe", "object", "embed", "base", "form"), tag
        assert not any(name.startswith("on") for name in attributes), attributes
        for name in ("href", "src", "action", "xlink:href"):
            target = attributes.get(name) or ""
            assert not target.lower().startswith(("javascript:", "http:", "https:", "//", "file:", "vbscript:")), target
            assert not Path(target).is_absolute(), target
        assert tag != "img" or (attributes.get("src") or "").startswith("data:")
    assert not (found := OBEYED.search(text)), (found, text[max(0, found.start() - 60) : found.end() + 20])


def check_drawing(drawn: bytes) -> None:
    """An SVG that any reader of XML takes, without scripts or links."""
    root = Xml.fromstring(drawn)
    names = {one.tag.rpartition("}")[2].lower() for one in root.iter()}
    assert not names & {"script", "a", "foreignobject", "image", "iframe"}, names
    assert not any(name.lower().startswith("on") for one in root.iter() for name in one.attrib)


TUNING = {
    "schema": 1,
    "trials": 8,
    "space": {"lr": [0.0003, 0.03], "schedule": ["constant", "cosine"], "clip_norm": [None, 1.0]},
    "cases": {
        "lstm-converge": {"lr": 0.01, "schedule": "cosine", "clip_norm": None, "validation_error": 0.1, "task_version": "0a", "trials": 8}
    },
}
