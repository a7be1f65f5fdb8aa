"""The tables of a run on terminals of any width: one row per case, sorted, and no figure without its unit."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from rnnbench.case import Case
from rnnbench.cli.display import screens
from rnnbench.cli.display.columns import Column, fitting
from rnnbench.cli.display.result_table import ResultTable, tables
from rnnbench.record import Record, Run
from tests.reports import factory

WIDTHS = (40, 60, 80, 120, 200)
DECODE = {"name": "decode", "title": "One step", "question": "How long?", "x": "batch_size", "hue": "variant", "metric": "step_time_s",
          "table": "step_time_s, p95_s, p99_s, state_bytes"}  # fmt: skip
CLIPPING = {"name": "clipping", "title": "Clipping", "question": "What does it cost?", "x": "depth", "hue": "variant",
            "metric": "clip_cost_s", "table": "clip_cost_s, beside_ratio, step_time_s, half_width_ratio"}  # fmt: skip
RANKED = {"name": "variants", "title": "Variants", "question": "Which is fastest?", "x": "variant", "hue": "precision"}


def decoded(processes: int = 1) -> Run:
    """Decoding cases with a tail, each in so many processes; one out of memory."""
    grid = factory.cases("decode", variant=("lstm", "a_variant_with_a_long_name", "gru"), phase=("train",), batch_size=(4, 1))
    records = [_decoded(case, process) for case in grid for process in range(processes)]
    records.append(factory.failed(factory.Case(suite="decode", variant="gru", batch_size=512), "oom", "no memory"))
    return replace(factory.run(records, planned=[{"id": name} for name in {str(one.case) for one in records}]), suites=(DECODE,))


def _decoded(case: Case, process: int) -> Record:
    one = factory.record(case, process=process, step=lambda _: 1.234e-3 * (1 + process), noise=0)
    tail = {"p95_s": 2.345e-3, "p99_s": 12.34e-3, "state_bytes": 3.5 * 2**20}
    return replace(one, metrics={**one.metrics, **tail})


def clipped() -> Run:
    grid = factory.cases("clipping", variant=("lstm", "gru"), depth=(2, 1), clip_norm=(1.0,))
    return replace(factory.run([factory.record(case) for case in grid]), suites=(CLIPPING,))


def screen(run: Run, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    screens.end(run, Path("results/one"), None)
    return capsys.readouterr().out


def only(run: Run) -> ResultTable:
    ((_, table),) = tables(run)
    return table


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("run", [decoded(), decoded(3), clipped()], ids=["decode", "three processes", "clipping"])
def test_no_figure_is_cut(run: Run, width: int, monkeypatch, capsys):
    """At every width each cell is whole, and a column without room is dropped by name."""
    table = only(run)
    out = screen(run, width, monkeypatch, capsys)
    kept = fitting(table.columns, width)
    for column in kept or table.columns:
        for cell in filter(None, column.cells):
            assert re.search(rf"(?<![\w.]){re.escape(cell)}(?![\w.])", out), (column.head, cell)
    gone = [column.head for column in table.columns if kept is not None and column not in kept]
    flat = " ".join(out.split())
    assert all(re.search(rf"Not shown at this width: [^.]*{re.escape(head)}", flat) for head in gone)
    assert all(len(line) <= width for line in out.splitlines() if not line.startswith("records"))
    assert "…" not in out


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_breaks_within_a_figure(width: int, monkeypatch, capsys):
    """A number and its unit stay on one line, in sentences too."""
    lines = screen(factory.depth_run(), width, monkeypatch, capsys).splitlines()
    ends = [re.search(r"\d$", line.rstrip()) for line in lines]
    starts = [re.match(r"\s*(%|[mµ]?s|[KM]iB)\b", line) for line in lines]
    broken = [lines[place] for place in range(len(lines) - 1) if ends[place] and starts[place + 1]]
    assert not broken


def test_a_terminal_too_narrow_for_columns_gets_lines():
    """Where not even the axes and the first figure fit, each case becomes a block with all its figures."""
    assert fitting([Column("variant", ["x" * 30], key=True), Column("step time", ["1.23 ms"])], 30) is None


def test_one_row_per_case_whatever_the_processes():
    """Three processes of a case are one row, with half the range of their medians beside it."""
    columns = {column.head: column for column in only(decoded(3)).columns}
    assert len(columns["variant"].cells) == 7
    assert columns["±"].cells[0] == "50.0%"


def test_the_suite_says_which_figures():
    """Decoding shows its median and tail, clipping its cost, each first."""
    assert [column.head for column in only(decoded()).columns] == ["variant", "batch", "step time", "p95", "p99", "state", "status"]
    assert [column.head for column in only(clipped()).columns][2] == "clipping cost"


def test_rows_are_sorted():
    """Cases stand axis by axis, numbers by size, whatever the order in which they were measured."""
    batch = next(column for column in only(decoded()).columns if column.head == "batch")
    assert list(batch.cells) == ["1", "4", "1", "4", "1", "4", "512"]


def test_variants_go_by_their_figure():
    """Where the variant is swept, the fastest comes first."""
    speed = {"lstm": 3e-3, "gru": 1e-3, "elman": 2e-3}
    grid = factory.cases("variants", variant=tuple(speed))
    run = replace(factory.run([factory.record(case, step=lambda case: speed[case.variant]) for case in grid]), suites=(RANKED,))
    assert list(only(run).columns[0].cells) == ["gru", "elman", "lstm"]


def test_a_missed_target_is_said():
    """Trainings show steps and time to the target by setting and seed; one that missed it says so."""
    about = {**RANKED, "metric": "steps_to_target", "table": "steps_to_target, time_to_target_s, test_quality"}
    records = []
    for case in factory.cases("variants", variant=("lstm", "gru"), seed=(1, 0)):
        reached = {"steps_to_target": 300, "time_to_target_s": 2.5} if case.variant == "gru" else {}
        one = replace(factory.record(case), case=replace(case, phase="converge"))
        records.append(replace(one, metrics={"test_quality": 0.9, "training_s": 9.0, "training_steps": 900, **reached}))
    columns = {column.head: list(column.cells) for column in only(replace(factory.run(records), suites=(about,))).columns}
    assert list(columns)[:3] == ["variant", "seed", "steps to target"]
    assert columns["seed"] == ["0", "1", "0", "1"]
    assert columns["steps to target"] == ["not reached", "not reached", "300", "300"]


def test_cases_are_counted_as_on_the_page(monkeypatch, capsys):
    """The closing sentence counts cases, not records."""
    out = " ".join(screen(decoded(3), 200, monkeypatch, capsys).split())
    assert "6 of 7 cases measured in up to 3 processes each, 1 oom" in out
