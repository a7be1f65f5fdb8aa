"""Runs from disk and the frame that is made of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from rnnbench.analysis.frames import by_case, frame, load_run, load_runs
from rnnbench.analysis.sweep import sweeps
from rnnbench.case import AXES
from rnnbench.errors import BadResults, UnknownName, UsageError
from rnnbench.files import find_run
from rnnbench.record import METRICS, Run
from tests.reports import factory


def saved(run: Run, results: Path) -> Path:
    folder = results / run.id
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(run.as_dict()))
    (folder / "records.jsonl").write_text("".join(json.dumps(record.as_dict()) + "\n" for record in run.records))
    return folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name in ("20260101T000000Z-depth-aaaa", "20260102T000000Z-depth-bbbb", "20260102T000000Z-width-cccc"):
        saved(factory.run([factory.record(factory.Case(suite="depth"))], id=name), tmp_path)
    return tmp_path


def test_a_run_comes_back(tmp_path: Path):
    """What was written is what is read."""
    run = factory.depth_run()
    assert list(load_run(saved(run, tmp_path)).records) == list(run.records)


def test_damage_is_told(tmp_path: Path):
    """A half-written last line is left out and reported; the rest is read."""
    folder = saved(factory.depth_run(), tmp_path)
    with (folder / "records.jsonl").open("a") as file:
        file.write('{"case": {"sui')
    (loaded,) = load_runs([folder, folder])
    assert len(loaded.run.records) == 48
    assert [one.last for one in loaded.damage] == [True]


@pytest.mark.parametrize("name", ["20260101T000000Z-depth-aaaa", "20260101"])
def test_a_run_is_found_by_its_id_or_its_beginning(results: Path, name: str):
    """An id, or the beginning of just one, names a run."""
    assert find_run(name, results).name == "20260101T000000Z-depth-aaaa"


def test_latest_is_a_run(results: Path):
    """`latest` is the run written last."""
    newest = saved(factory.run([], id="19990101T000000Z-old-id"), results)
    assert find_run("latest", results) == newest


def test_a_folder_names_itself(results: Path):
    """A path of a run's folder is taken as it is."""
    folder = results / "20260101T000000Z-depth-aaaa"
    assert find_run(str(folder), Path("/nowhere")) == folder


@pytest.mark.parametrize("name", ["", "20260102", "nope", "../" + "x", "/etc", "20260101T000000Z-depth-aaaa/../..", "a\0b"])
def test_an_unknown_run_is_refused(results: Path, name: str):
    """What names no run, or more than one, is refused with the good names."""
    with pytest.raises(UnknownName, match="20260102T000000Z-depth-bbbb"):
        find_run(name, results)


def test_the_nearest_name_comes_first(results: Path):
    """A slip of the pen is answered with the run that was meant."""
    with pytest.raises(UnknownName, match="choose from: 20260102T000000Z-width-cccc"):
        find_run("20260102T000000Z-width-cccd", results)


def test_no_runs_at_all(tmp_path: Path):
    """Without any run, the message says so, and how to make one."""
    with pytest.raises(UsageError, match="contains no runs; create one"):
        find_run("latest", tmp_path / "absent")


def test_a_foreign_folder_is_no_run(tmp_path: Path):
    """A folder without run.json is refused, not guessed at."""
    with pytest.raises(BadResults):
        load_run(tmp_path)


def test_the_frame_has_a_row_a_record():
    """One row a record; a metric that is absent is NaN, never 0."""
    table = frame(factory.depth_run())
    assert len(table) == 48
    assert {"run", "suite", "id", "status", "reason", "process", "samples", *AXES, *METRICS} <= set(table)
    forward = table[table["phase"] == "forward"]
    assert forward["activation_bytes"].isna().all()
    assert (table["status"] == "oom").sum() == 1


def test_the_frame_of_nothing_has_columns():
    """A run without records makes an empty frame with every column."""
    table = frame(factory.run([]))
    assert table.empty
    assert "step_time_s" in table


def test_no_clipping_stays_none():
    """`clip_norm` of none is None in the frame, not NaN."""
    table = frame(factory.run([factory.record(case) for case in factory.cases("clipping", clip_norm=(None, 1.0))]))
    assert table["clip_norm"].tolist() == [None, 1.0]


def test_a_case_is_summed_up_over_processes():
    """With several processes the interval is over their medians: wider than over pooled rounds, and of the case."""
    case = factory.Case(suite="depth")
    drift = [factory.record(case, process=index, step=lambda _, index=index: 0.01 * (1 + 0.1 * index)) for index in range(7)]
    row = by_case(frame(factory.run(drift))).iloc[0]
    assert row["measured_processes"] == 7
    assert row["step_time_s"] == pytest.approx(0.013, rel=0.05)
    assert row["step_time_low"] == pytest.approx(0.010, rel=0.05)
    assert row["step_time_high"] == pytest.approx(0.016, rel=0.05)
    assert row["samples"] == 7 * 40


def test_the_later_record_of_a_slot_counts():
    """A case measured again in the same slot replaces what was there."""
    case = factory.Case(suite="depth")
    table = frame(factory.run([factory.failed(case, "oom", "too big"), factory.record(case)]))
    assert table["status"].tolist() == ["ok"]


def test_roles_fall_to_axes_that_vary():
    """Where the suite's x was held fixed, another axis is promoted, so that a figure has something to show."""
    (sweep,) = sweeps(
        [factory.run([factory.record(case) for case in factory.cases("depth", variant=("lstm", "gru"), precision=("fp32", "bf16"))])]
    )
    assert (sweep.x, sweep.hue) == ("variant", "precision")
    assert not sweep.numeric


def test_slices_begin_at_the_baseline():
    """Facets are shown from the baseline on: the train step before the forward pass."""
    (sweep,) = sweeps([factory.depth_run()])
    assert (sweep.x, sweep.hue, sweep.style, sweep.facets) == ("depth", "variant", "precision", ("phase",))
    assert [dict(part.held) for part in sweep.slices()] == [{"phase": "train"}, {"phase": "forward"}]
    assert sum(len(part.cases) for part in sweep.slices()) == 48
    assert np.isfinite(sweep.lead.cases["depth"]).all()
