"""OpenMetrics text, read back by Prometheus's own Python parser."""

from dataclasses import replace
from statistics import median

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed

from rnnbench.gate.formats.exports import metrics_text
from rnnbench.gate.formats.openmetrics import epoch, name_of
from rnnbench.record import METRICS
from tests.gate.sides import CASE, records, side, times, with_values

RUN = replace(side("a", records(CASE, times(0))), taken_utc="2026-01-01T00:00:00.000Z", commit={"hash": "abc"})


def families(text):
    """Name → family, of the whole text."""
    return {one.name: one for one in parsed(text)}


def test_a_run_is_read_back():
    """Median and both ends of its interval as gauges in seconds, the run and its commit as info, and when it began."""
    found, ordered = families(metrics_text([RUN])), sorted(times(0))
    names = [f"rnnbench_step_time_{part}seconds" for part in ("", "lower_", "upper_")]
    assert [found[name].samples[0].value for name in names] == pytest.approx([median(ordered), ordered[1], ordered[8]])
    assert {found[name].unit for name in names} == {"seconds"}
    assert found["rnnbench_step_time_seconds"].samples[0].labels["case"] == str(CASE)
    assert found["rnnbench_run"].samples[0].labels["commit"] == "abc"
    assert found["rnnbench_run_timestamp_seconds"].samples[0].value == 1767225600.0
    assert found["rnnbench_step_time_seconds"].samples[0].timestamp is None


def test_exact_figures_have_no_ends():
    """The number of operators has one gauge."""
    assert {name for name in families(metrics_text([RUN])) if "operators" in name} == {"rnnbench_operators"}


def test_runs_over_time_have_their_times():
    """Each sample of a history has its run's time, in order; a run without a time is left out."""
    later = replace(RUN, label="b", taken_utc="2026-01-02T00:00:00Z")
    found = families(metrics_text([later, replace(RUN, taken_utc=""), RUN], ["step_time_s"], timed=True))
    assert [float(one.timestamp) for one in found["rnnbench_step_time_seconds"].samples] == [1767225600.0, 1767312000.0]


def test_hostile_names_stay_labels():
    """Quotes, backslashes and line ends in a name come back as they were."""
    name = 'x"} 1\n# EOF\n\\n'
    (case,) = RUN.cases.values()
    found = families(metrics_text([replace(RUN, cases={name: replace(case, id=name, axes=None)}, label=name)]))
    assert found["rnnbench_step_time_seconds"].samples[0].labels["case"] == name


def test_every_metric_has_a_valid_name():
    """The parser takes every metric that rnnbench records, each under a name of its own."""
    one = RUN
    for metric in METRICS:
        one = with_values(one, str(CASE), metric, {0: 1.0})
    text = metrics_text([one], list(METRICS))
    assert {name_of(metric)[0] for metric in METRICS} <= families(text).keys()
    assert len({name_of(metric)[0] for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("step_time_s", "rnnbench_step_time_seconds"),
        ("activation_bytes", "rnnbench_activation_bytes"),
        ("tokens_per_s", "rnnbench_tokens_per_second"),
        ("padding_share", "rnnbench_padding_share_ratio"),
    ],
)
def test_units_are_spelt_out(metric, name):
    """Names end in their base unit."""
    assert name_of(metric)[0] == name


def test_a_time_without_zone_is_utc():
    """It does not depend on the zone of the machine that exports."""
    assert epoch("2026-01-01T00:00:00") == 1767225600.0
    assert epoch("yesterday") is None


def test_the_commands_write_it(typed, folder):
    """export gives one run, history all of them."""
    one = families(typed("export", "base", "--format", "openmetrics", cwd=folder).out)
    assert len(one["rnnbench_step_time_seconds"].samples) == 1
    text = typed("history", "--format", "openmetrics", "--metric", "step_time_s", cwd=folder).out
    assert families(text)["rnnbench_step_time_seconds"].samples
