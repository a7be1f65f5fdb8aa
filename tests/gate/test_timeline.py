"""All runs in little memory: the same figures, in order of time, never across machines."""

from pathlib import Path

import pytest

from rnnbench.analysis.choice import choice
from rnnbench.analysis.frames import by_case, frame
from rnnbench.gate import timeline as module
from rnnbench.gate.timeline import timeline
from rnnbench.journal import Journal
from rnnbench.record import Run
from tests.reports import factory

CASE = factory.Case(suite="depth")


def save(results: Path, name: str, records: list, day: int, **more) -> None:
    run: Run = factory.run(records, id=name, started_utc=f"2026-03-{day:02}T00:00:00Z", **more)
    journal = Journal(results / name, run)
    for record in run.records:
        journal.append(record)


def test_order_is_that_of_time(tmp_path: Path):
    """Points follow the runs' start, whatever their folders are called; a failed run is a point without a figure."""
    save(tmp_path, "z", [factory.record(CASE)], 1)
    save(tmp_path, "b", [factory.failed(CASE, "oom", "no memory")], 2)
    save(tmp_path, "a", [factory.record(CASE)], 3)
    found = timeline(tmp_path)
    assert [run.id for run in found.runs] == ["z", "b", "a"]
    (series,) = found.series(str(CASE), ["step_time_s"])
    assert [(point.run.id, point.status) for point in series.points] == [("z", "ok"), ("b", "oom"), ("a", "ok")]
    assert [point.value is None for point in series.points] == [False, True, False]
    assert series.points[0].low <= series.points[0].value <= series.points[0].high


def test_machines_are_kept_apart(tmp_path: Path):
    """Figures of different hardware are different series."""
    save(tmp_path, "a", [factory.record(CASE)], 1)
    save(tmp_path, "b", [factory.record(CASE)], 2, machine={"cpu": {"model": "another"}})
    assert len(list(timeline(tmp_path).series(str(CASE), ["step_time_s"]))) == 2


def test_long_histories_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of a long history the newest points are kept, and how many were left out is known."""
    monkeypatch.setattr(module, "NEWEST", 3)
    for day in range(1, 6):
        save(tmp_path, f"run{day}", [factory.record(CASE, rounds=6)], day)
    (series,) = timeline(tmp_path).series(str(CASE), ["step_time_s"])
    assert [point.run.id for point in series.points] == ["run3", "run4", "run5"]
    assert series.left_out == 2


def test_an_exact_figure_changes_at_once(tmp_path: Path):
    """Of an exact figure one different value is a change of level."""
    for day, extra in enumerate((0, 0, 4096), 1):
        record = factory.record(CASE, rounds=6)
        metrics = {**record.metrics, "activation_bytes": record.metrics["activation_bytes"] + extra}
        save(tmp_path, f"run{day}", [factory.record(CASE, rounds=6, metrics=metrics)], day)
    (series,) = timeline(tmp_path).series(str(CASE), ["activation_bytes"])
    assert [change.at for change in series.changes] == [2]


def test_the_fastest_way_is_counted_over_settings():
    """The way that wins most settings is named, with the settings in which no other comes near; two ways are no choice."""
    grid = factory.cases("depth", variant=("lstm", "gru", "elman"), depth=(1, 2, 4))
    found = choice(by_case(frame(factory.run([factory.record(case) for case in grid]))))
    assert found is not None
    assert (found.best, len(found.wins), found.won, found.clear) == ({"variant": "elman"}, 3, 3, 3)
    assert choice(by_case(frame(factory.run([factory.record(case) for case in grid if case.variant != "elman"])))) is None


def test_noise_leaves_a_doubt():
    """Under heavy noise the fastest is not clearly so."""
    grid = factory.cases("depth", variant=("a", "b", "c"), depth=(1, 2))
    found = choice(by_case(frame(factory.run([factory.record(case, noise=0.6, rounds=12) for case in grid]))))
    assert found is not None
    assert found.clear == 0
