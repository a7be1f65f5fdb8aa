"""Record and Run: JSON there and back, and what does not pass for one."""

import json
import math
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rnnbench.record import DERIVED, METRICS, SCHEMA, STATUSES, BadRecord, Record, Run
from tests import tools
from tests.strategies import CASES, JSON

SECONDS = st.lists(st.floats(0, 1e6), max_size=4).map(tuple)
RECORDS = st.builds(
    Record,
    case=CASES,
    status=st.sampled_from(list(STATUSES)),
    reason=st.text(max_size=20),
    times_s=SECONDS,
    beside=st.text(max_size=5),
    beside_times_s=SECONDS,
    metrics=st.dictionaries(st.sampled_from(list(METRICS)), st.floats(allow_nan=False, allow_infinity=False), max_size=4),
    absent=st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=3),
    notes=st.lists(st.text(max_size=9), max_size=2).map(tuple),
    process=st.integers(0, 9),
)


@given(RECORDS)
def test_a_record_survives_json(record):
    """What a line of records.jsonl holds is the record that was written."""
    assert Record.from_dict(json.loads(json.dumps(record.as_dict(), allow_nan=False))) == record


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_figure_that_is_no_number_becomes_a_reason(value):
    """NaN and infinity leave the metrics and are told among what is absent: JSON has neither."""
    written = json.loads(json.dumps(tools.record(metrics={"clip_s": value, "rounds": 3.0}).as_dict(), allow_nan=False))
    assert written["metrics"] == {"rounds": 3.0}
    assert written["absent"] == {"clip_s": f"not a finite number: {value}"}


@given(JSON)
@example({})
@example([])
@example({"case": {"suite": "s"}, "status": "ok", "process": math.inf})
@example({"case": {"suite": "s"}, "status": "ok", "times_s": [10**400]})
@example({"case": {"suite": "s"}, "status": []})
@example({"case": {"suite": "s", "depth": 10**400}, "status": "ok"})
@example({"case": {"suite": "s", "clip_norm": 10**400}, "status": "ok"})
@example({"case": {"suite": "s", "phase": {}}, "status": "ok"})
def test_json_of_any_shape_is_a_record_or_is_refused(data):
    """Foreign JSON raises BadRecord and nothing else."""
    with suppress(BadRecord):
        assert Record.from_dict(data).status in STATUSES


@given(RECORDS, st.sampled_from(sorted(tools.record().as_dict())), JSON)
def test_a_record_with_one_foreign_field_is_read_or_refused(record, name, value):
    """A line that is ours but for one field raises BadRecord or gives a record that can be written again."""
    try:
        found = Record.from_dict({**record.as_dict(), name: value})
    except BadRecord:
        return
    json.dumps(found.as_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"status": "fine"}, "unknown status 'fine'; known: ok, oom, "),
        ({"times_s": [0.1, "0.2"]}, "times_s holds '0.2', which is not a finite number"),
        ({"times_s": [True]}, "times_s holds True"),
        ({"metrics": {"rounds": None}}, "rounds holds None"),
        ({"case": {"suite": "s", "depth": 0}}, "depth=0 is invalid"),
        ({"case": {"suite": "s", "dropout": 0}}, "unknown axis 'dropout'"),
    ],
)
def test_what_is_wrong_with_a_record_is_said(change, sentence):
    """The refusal quotes the value that does not fit."""
    with pytest.raises(BadRecord) as caught:
        Record.from_dict({**tools.record().as_dict(), **change})
    assert sentence in str(caught.value)


def test_a_record_tells_a_figure_of_zero_from_none():
    """A metric of 0 is kept as 0: only what is missing has a reason."""
    assert Record.from_dict(tools.record(metrics={"rounds": 0}).as_dict()).metrics == {"rounds": 0}


def test_a_run_survives_json():
    """run.json gives back the run, but for the records, which have a file of their own."""
    run = tools.run(arguments={"preset": "quick"}, machine={"python": "3"}, suites=({"name": "s"},), planned=({"process": 0},))
    again = Run.from_dict(json.loads(json.dumps(run.as_dict())), records=(tools.record(),))
    assert again.as_dict() == json.loads(json.dumps(run.as_dict())) | {"suites": run.suites}
    assert again.records == (tools.record(),)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([], "does not hold an object"),
        ({}, "states no schema (found None)"),
        ({"schema": "1"}, "states no schema (found '1')"),
        ({"schema": SCHEMA + 1}, f"has schema {SCHEMA + 1}, this rnnbench reads up to {SCHEMA}: update rnnbench"),
        ({"schema": 1}, "lacks or misuses a field"),
        ({**tools.run().as_dict(), "id": None}, "run.json has id = None"),
        ({**tools.run().as_dict(), "suites": 5}, "run.json has suites = 5"),
        ({**tools.run().as_dict(), "machine": "a big one"}, "run.json has machine = 'a big one'"),
        ({**tools.run().as_dict(), "planned": 7}, "run.json has planned = 7"),
        ({**tools.run().as_dict(), "planned": [{}, 7]}, "run.json has 7 among its planned"),
        ({**tools.run().as_dict(), "suites": ["depth"]}, "run.json has 'depth' among its suites"),
    ],
)
def test_what_is_no_run_is_refused_with_why(data, sentence):
    """A run.json of another tool, of a newer schema or with foreign fields raises BadRecord that says what is wrong."""
    with pytest.raises(BadRecord) as caught:
        Run.from_dict(data)
    assert sentence in str(caught.value)


@given(JSON)
def test_json_of_any_shape_is_a_run_or_is_refused(data):
    """Foreign JSON under a known schema raises BadRecord and nothing else."""
    for one in (data, {"schema": 1, "id": data}, {**tools.run().as_dict(), "suites": data}, {**tools.run().as_dict(), "schema": data}):
        with suppress(BadRecord):
            assert Run.from_dict(one).schema == 1


def test_every_metric_names_its_unit_or_is_a_count():
    """A metric's unit is in its name; those without one are counts."""
    from rnnbench.units import unit_of

    learned = {"steps_to_target", "training_steps", "skipped_steps", "loss_scale", "final_loss", "test_error", "validation_error"}
    plain = (
        "_quality",
        "gradient_norm_p10",
        "gradient_norm_p50",
        "gradient_norm_p90",
        "gradient_norm_max",
        "_distance",
        "_fingerprint",
    )  # numbers without a unit
    counts = {name for name in METRICS if not unit_of(name) and name not in learned and not name.endswith(plain)}
    assert counts <= {
        "parameters",
        "rounds",
        "warmup_rounds",
        "other_load_cores",
        "operators",
        "kernel_launches",
        "graphs",
        "graph_breaks",
        "threads",
        "mean_depth",
        "ponder_cost",
        "other_gpu_processes",
        "allocator_retries",
    }


def test_a_metric_says_its_unit_its_interval_and_its_level():
    """What a report needs to show a figure stands on the metric: no table of it is kept elsewhere."""
    told = {
        name: (METRICS[name].unit, METRICS[name].interval, METRICS[name].reference)
        for name in ("step_time_s", "clip_cost_s", "beside_ratio")
    }
    assert told == {
        "step_time_s": ("s", "step_time", None),
        "clip_cost_s": ("s", "difference", 0.0),
        "beside_ratio": ("×", "beside_ratio", 1.0),
    }


def test_a_derived_figure_is_no_records_own():
    """What only several cases have together is not among the metrics of a record."""
    assert not set(DERIVED) & set(METRICS)
