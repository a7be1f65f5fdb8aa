"""--require: what is read and refused, how intervals decide, what is said of it, and how commands end."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rnnbench.analysis.fit import quantile_interval
from rnnbench.case import AXES
from rnnbench.cli.display.requirements import with_rounds_for
from rnnbench.errors import BadExpression, UnknownName, UsageError
from rnnbench.gate.requirements import (
    MET,
    MISSED,
    UNDECIDED,
    UNITS,
    UNKNOWN,
    Subject,
    exit_code,
    judge,
    parse,
)
from rnnbench.gate.spans import Span, spans_of
from rnnbench.record import METRICS
from rnnbench.reports.requirements import as_json, figures, headline, notes
from rnnbench.runs.request import Request
from tests.gate.sides import CASE, lost, records, times, write
from tests.gate.test_commands import TINY
from tests.reports.factory import run
from tests.tools import command

P99 = {"p99_s": Span(1.5e-3, 1.2e-3, 1.8e-3), "activation_bytes": Span(2.0**20, 2.0**20, 2.0**20)}
WORDS = [
    *("and", "or", "not", "in", "<", "<=", ">", ">=", "==", "!=", "(", ")", ",", "[", "]", ".", "'lstm'", "2", "ms", "5%", "3GiB", "2ms"),
    *("1e-3s", ".5us", "__import__", "_quantity_0", "p99_s", "step_flops"),
]


def outcome(text: str, **spans: Span) -> str:
    """Of one requirement on one case."""
    return parse([text])[0].outcome(Subject(CASE, {**P99, **spans}))


@given(st.lists(st.sampled_from([*WORDS, *AXES]), max_size=10).map(" ".join) | st.text(max_size=40))
@example("not " * 900 + "depth")
@example("9" * 5000 + " < p99_s")
@example("p99_s < 1e999")
@example("p99_s < \x00")
@example("p99_s < " + "9" * 5000 + "ms")
def test_any_requirement_is_read_or_refused_in_a_sentence(text):
    """No --require text whatever raises anything but an error with a sentence and the exit code for usage."""
    with suppress(UsageError):
        assert parse([text])[0].outcome(Subject(CASE, P99)) in (MET, MISSED, UNDECIDED, UNKNOWN)


@given(st.floats(1e-3, 1e6), st.sampled_from([name for name, (_, kind) in UNITS.items() if kind == "s"]), st.sampled_from(["", " "]))
def test_a_number_with_a_unit_is_its_base_value(number, unit, gap):
    """A time in any unit is the same number of seconds: a figure just below it meets the limit, one just above misses it."""
    limit = float(f"{number:.6f}") * UNITS[unit][0]
    for share, told in ((0.999, MET), (1.001, MISSED)):
        assert outcome(f"p99_s < {number:.6f}{gap}{unit}", p99_s=Span(*[limit * share] * 3)) == told


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.1, 10))
def test_the_interval_decides(low, high, limit):
    """Met where all of the interval is below the limit, missed where none is, undecided between; `not` swaps the first two."""
    low, high = sorted((low, high))
    span = Span((low + high) / 2, low, high)
    told = MET if high < limit else MISSED if low >= limit else UNDECIDED
    assert outcome(f"p99_s < {limit!r}", p99_s=span) == told
    assert outcome(f"not p99_s < {limit!r}", p99_s=span) == {MET: MISSED, MISSED: MET}.get(told, told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("p99_s < 2ms", MET),
        ("p99_s < 1 ms", MISSED),
        ("p99_s < 1500us", UNDECIDED),
        ("p99_s < 1500 µs or depth == 1", MET),
        ("p99_s < 1500us and depth == 2", MISSED),
        ("p99_s < 1500us and depth == 1", UNDECIDED),
        ("1ms < p99_s < 2ms", MET),
        ("activation_bytes <= 1MiB", MET),
        ("activation_bytes < 1MB", MISSED),
        ("activation_bytes == 1MiB", MET),
        ("p99_s == 1.5ms", UNDECIDED),
        ("variant in ('lstm', 'gru') and p99_s < 2ms", MET),
        ("depth < 2 and p99_s < 2ms", MET),
        ("steps_to_target < 100", UNKNOWN),
        ("steps_to_target < 100 or p99_s < 2ms", MET),
        ("steps_to_target < 100 and p99_s < 1ms", MISSED),
        ("p95_s < p99_s", UNKNOWN),
        ("clip_norm < 5", MISSED),
        ("ceiling_share > 40%", UNKNOWN),
    ],
)
def test_a_requirement_means_what_it_says(text, told):
    """Units, chains, membership and three-valued boolean words."""
    assert outcome(text) == told


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("p99_s < 2 sec", BadExpression, "'sec' is no unit; choose from: ns, us, µs"),
        ("p99_s < 2GiB", BadExpression, "2GiB does not fit p99_s, which is in s: write one of ns, us"),
        ("activation_bytes < 1ms", BadExpression, "write one of B, KiB, MiB, GiB"),
        ("p99_s < activation_bytes", BadExpression, "activation_bytes does not fit p99_s"),
        ("depth < 2ms", BadExpression, "2ms has a unit, and an axis has none"),
        ("p99 < 2ms", UnknownName, "unknown metric or axis 'p99'; choose from: p99_s, p95_s"),
        ("p99_s", BadExpression, "compare metrics and axes with"),
        ("p99_s < 'fast'", BadExpression, "'fast' is no number"),
        ("p99_s in (1, 2)", BadExpression, "in is for axes"),
        ("depth > 'deep'", BadExpression, "cannot be compared"),
        ("clip_norm > 'much'", BadExpression, "cannot be compared"),
        ("p99_s + 1 < 2", BadExpression, "compare metrics and axes with"),
        ("open('x') < 2", BadExpression, "compare metrics and axes with"),
        ("1 < 2", BadExpression, "neither a metric nor an axis"),
        ("  ", BadExpression, "compare metrics and axes with"),
    ],
)
def test_what_cannot_be_judged_is_refused_when_it_is_read(text, error, sentence):
    """Before anything is measured; the text or the name is quoted, with what would do."""
    with pytest.raises(error) as caught:
        parse([text])
    assert sentence in str(caught.value)
    assert error is UnknownName or repr(text) in str(caught.value)


def test_a_quantiles_interval_covers_it():
    """Of 400 samples of 1,000 the interval of the 99th percentile holds the true one in 93 to 99 of 100, and no end is made up."""
    luck = np.random.default_rng(7)
    found = [quantile_interval(luck.exponential(size=1000), 0.99) for _ in range(400)]
    covered = np.mean([one.low <= -np.log(0.01) <= one.high for one in found])
    assert 0.93 <= covered <= 0.99
    assert quantile_interval(luck.exponential(size=100), 0.99).high == np.inf
    assert quantile_interval([1.0], 0.99) is None


def test_every_metrics_interval_holds_its_figure():
    """Of one process and of several, each end lies on its side of the figure; exact figures have no width."""
    luck = np.random.default_rng(3).lognormal(-6, 0.1, 1000)
    rate = 100 / float(np.median(luck))
    (one,) = records(CASE, [0.01], metrics={"tokens_per_s": rate, "p99_s": float(np.quantile(luck, 0.99)), "peak_rss_growth_bytes": 5.0})
    one = replace(one, times_s=tuple(map(float, luck)))
    for group in ([one], records(CASE, times(1), metrics={"tokens_per_s": 5.0})):
        spans = spans_of(group)
        assert all(span.low <= span.value <= span.high for span in spans.values())
        assert all(span.low == span.high for name, span in spans.items() if METRICS[name].deterministic)
    spans = spans_of([one])
    assert spans["tokens_per_s"].low < rate < spans["tokens_per_s"].high
    assert spans["p99_s"].low < spans["p99_s"].high
    assert not spans["peak_rss_growth_bytes"].bounded


def judged(text: str, *groups):
    """The outcome of a run's cases, with the requirements."""
    wanted = parse([text])
    return judge(run([one for group in groups for one in group]), wanted), wanted


FAST, SLOW = replace(CASE, depth=1), replace(CASE, depth=4)


def test_the_sentence_names_what_meets_and_the_fastest():
    """Cases by what tells them apart, and the fastest of several with its figure."""
    found = judged(
        "step_time_s < 50ms",
        records(FAST, times(1)),
        records(SLOW, times(2, factor=3)),
        records(replace(CASE, depth=9), times(3, factor=30)),
    )
    assert headline(*found).startswith(
        "2 of 3 cases meet step_time_s < 50ms: lstm at 1 layer and lstm at 4 layers; the fastest that does is lstm at 1 layer (10"
    )
    assert exit_code(found[0]) == 0


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("step_time_s < 1ms", 3, "None of 2 cases meets step_time_s < 1ms."),
        ("step_time_s < 10ms", 4, "1 case is undecided, the interval straddles the limit: measure longer"),
        ("step_time_s < 20ms", 0, "1 of 2 cases meets step_time_s < 20ms: lstm at 1 layer."),
        ("p99_s < 1ms", 4, "2 cases lack a required figure."),
    ],
)
def test_the_exit_status_follows_the_outcomes(text, code, sentence):
    """3 where every case misses, 4 where none is known to meet and not all miss, 0 where one meets."""
    found = judged(text, records(FAST, times(1)), records(SLOW, times(2, factor=3)))
    assert exit_code(found[0]) == code
    assert sentence in headline(*found)


def test_a_case_that_was_not_measured_is_unknown():
    """A crashed case neither meets nor misses, and the sentence counts it."""
    found = judged("step_time_s < 1ms", records(FAST, times(1)), lost(SLOW))
    assert [one.outcome for one in found[0]] == [MISSED, UNKNOWN]
    assert (exit_code(found[0]), "1 case could not be measured" in headline(*found)) == (4, True)


def test_a_figure_without_an_interval_is_said_to_have_none():
    """What one process gave once decides, and a note says so."""
    found = judged("peak_rss_growth_bytes < 1MB", records(FAST, [0.01], metrics={"peak_rss_growth_bytes": 5.0}))
    assert [one.outcome for one in found[0]] == [MET]
    assert "no interval" in notes(*found)[0]
    assert as_json(*found)["cases"][0]["figures"]["peak_rss_growth_bytes"]["interval"] is False


@pytest.mark.parametrize(("processes", "level"), [(2, "50 % CI"), (3, "75 % CI"), (5, "93 % CI"), (6, None)])
def test_an_interval_of_few_processes_states_what_it_covers(processes, level):
    """The range of two processes holds the median in half of all measurements: no 95 % is claimed before six."""
    found = judged("step_time_s < 1s", records(FAST, [0.01 + 0.001 * number for number in range(processes)]))
    told = [*notes(*found), figures(found[0][0], found[1])]
    assert any(level in one for one in told[:-1]) if level else told[:-1] == []
    assert (f", {level})" in told[-1]) is (level is not None)
    assert as_json(*found)["cases"][0]["figures"]["step_time_s"]["coverage"] == pytest.approx(1 - 2.0 ** (1 - processes))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("compare", "base", "same", "--require", "step_time_s < 1s"), 0, "The one case meets"),
        (("compare", "base", "same", "--require", "step_time_s < 1ms"), 3, "The one case does not meet"),
        (("compare", "base", "same", "--require", "step_time_s < 1ks"), 2, "'ks' is no unit"),
        (("report", "base", "--format", "csv", "--require", "parameters <= 100"), 0, "met"),
        (("report", "base", "--format", "csv", "--require", "parameters < 100"), 3, "missed"),
        (("report", "base", "--watch", "--require", "parameters < 100"), 2, "leave out --watch"),
    ],
)
def test_report_and_compare_end_with_what_is_required(typed, tmp_path, words, code, told):
    """0, 3 and 2, with the row's outcome and the sentence."""
    for name in ("base", "same"):
        write(tmp_path / "results", name, records(CASE, times(len(name))))
    ended = typed(*words, cwd=tmp_path)
    assert ended.code == code, ended
    assert told in ended.out + ended.err
    assert "Traceback" not in ended.err


@pytest.mark.slow
def test_a_run_ends_with_what_is_required(tmp_path):
    """A small run: its JSON has the outcome of each case, and the exit status is 3 where none meets a limit of no time at all."""
    words = ("run", "--suite", "depth", "--set", "variant=lstm", *TINY, "--no-report", "--require", "step_time_s < 1ns", "--json")
    done = command(*words, cwd=tmp_path)
    assert done.code == 3, done.err
    (row,) = done.told["requirements"]["cases"]
    assert (row["outcome"], row["requirements"]) == (MISSED, {"step_time_s < 1ns": MISSED})
    assert row["figures"]["step_time_s"]["low"] > 1e-9


@pytest.mark.parametrize(
    ("limit", "budget", "resume", "rounds"),
    [
        ("p99_s < 2ms", {}, None, 500),
        ("p95_s < 2ms or p99_s < 9ms", {}, None, 500),
        ("p95_s < 2ms", {"min_rounds": 600}, None, 600),
        ("step_time_s < 2ms", {}, None, None),
        ("p99_s < 2ms", {}, "latest", None),
    ],
)
def test_a_required_percentile_gets_enough_rounds(limit, budget, resume, rounds):
    """500 rounds for p99, 100 for p95, unless more were requested; a resumed run keeps its own budget."""
    request = with_rounds_for(Request(preset="quick", budget=budget, resume=resume), parse([limit]))
    assert request.budget.get("min_rounds") == rounds
