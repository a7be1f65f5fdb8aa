"""Sentences say what the data carry, and no more."""

from dataclasses import replace

import pytest

from rnnbench.analysis.sweep import sweeps
from rnnbench.record import Record
from rnnbench.reports.answer import answer
from tests.reports import factory

BOTH = {"variant": ("lstm", "gru")}


def said(records: list[Record]) -> list[str]:
    (sweep,) = sweeps([factory.run(records)])
    return [one.text for one in answer(sweep)]


def measured(suite: str, **axes) -> list[Record]:
    return [factory.record(case) for case in factory.cases(suite, **axes)]


def test_a_layer_has_its_price():
    """The depth suite's headline gives the planted cost of a layer with its interval, and the exact activations."""
    headline = said(list(factory.depth_run().records))[0]
    assert headline.startswith(
        "Each further layer costs 16.2 ms (95 % CI 16.0–16.3 ms) and 6.00 MiB of activations in a train step of lstm"
    )


def test_precision_is_a_speed_up():
    """bf16 is quoted against fp32 over every matched pair."""
    assert any(
        text.startswith("bf16 is 2.5") and "as fast as fp32" in text and "23 matched pairs" in text
        for text in said(list(factory.depth_run().records))
    )


def test_failures_are_counted():
    """A case out of memory is in the first sentences, with its reason."""
    assert any(text.startswith("1 of 48 cases ran out of memory: RuntimeError") for text in said(list(factory.depth_run().records)))


@pytest.mark.parametrize(
    ("suite", "axes", "start"),
    [
        ("length", {"seq_len": (32, 64, 128, 256)}, "Each further time step costs"),
        ("batch", {"batch_size": (1, 4, 16, 64)}, "Each further sequence costs"),
        ("width", {"hidden_size": (64, 128, 256, 512)}, "Twice the hidden size takes 4"),
        ("precision", {"precision": ("fp32", "bf16")}, "bf16 is 2.5"),
        ("direction", {"bidirectional": (False, True)}, "Reading both ways takes 2.0"),
        ("implementation", {"implementation": ("loop", "fused")}, "loop takes 4."),
        ("clipping", {"clip_norm": (1.0,), "depth": (1, 2, 4)}, "Clipping the gradient norm costs 301 µs a step"),
        ("harness", {"hidden_size": (16, 64)}, "The step takes 1.00"),
    ],
)
def test_every_suite_has_a_headline(suite: str, axes: dict, start: str):
    """Whatever is swept, the first sentence answers the suite's question."""
    assert said(measured(suite, **BOTH, **axes))[0].startswith(start)


def test_two_points_make_no_rate():
    """From two depths no cost a layer is claimed, only where the time went from and to."""
    headline = said(measured("depth", depth=(1, 2)))[0]
    assert headline.startswith("From 1 to 2 layers, a train step of lstm")
    assert "each further" not in headline.lower()


def test_a_bent_curve_gets_no_rate():
    """Where neither a line nor a power law fits, the bend is told instead."""
    step = lambda case: 0.01 if case.depth < 8 else 0.5  # noqa: E731
    text = said([factory.record(case, step=step) for case in factory.cases("depth", depth=(1, 2, 4, 8))])[0]
    assert "No one rate describes it" in text


def test_noise_is_not_a_finding():
    """Under heavy noise no variant is called faster, and the noise is named."""
    texts = said([factory.record(case, noise=0.6, rounds=12) for case in factory.cases("depth", variant=("a", "b"), depth=(1, 2))])
    assert any("no one verdict" in text for text in texts)
    assert not any("as fast as" in text for text in texts)
    assert any("noisy" in text for text in texts)


def test_one_case_is_stated():
    """A single case is one number with its interval."""
    assert said(measured("depth", depth=(4,)))[0].startswith("One lstm train step takes 269 ms (95 % CI")


def test_nothing_measured_is_said():
    """Where every case failed, that is the answer."""
    texts = said([factory.failed(case, "oom", "no memory") for case in factory.cases("depth", depth=(1, 2))])
    assert texts == ["No case of this suite was measured.", "2 of 2 cases ran out of memory: no memory."]


FAMILIES = "dense: elman; recurrence: lstm, gru; sparse: mine; slow: other"


def meeting(**planted) -> list[str]:
    """The answer where each variant's time is a constant and so much a time step, in microseconds."""
    grid = factory.cases("length", variant=tuple(planted), seq_len=(32, 64, 128, 256))
    step = lambda case: 1e-6 * (planted[case.variant][0] + planted[case.variant][1] * case.seq_len)  # noqa: E731
    whole = factory.run([factory.record(case, step=step, noise=0.002) for case in grid])
    (sweep,) = sweeps([replace(whole, suites=({**whole.suites[0], "families": FAMILIES},))])
    return [one.text for one in answer(sweep)]


def test_families_cross_between_measured_lengths():
    """The cheapest of a family against the cheapest of the first: bounds, not a guess; where nothing crosses, that is said."""
    texts = meeting(elman=(10, 10), lstm=(900, 2), gru=(2000, 1), mine=(1, 1), other=(50, 20))
    assert texts[0] == (
        "Against dense in a train step (fp32), recurrence is cheaper from between 64 and 128 time steps on;"
        " sparse is cheaper wherever measured, 32 to 256 time steps (if they cross, then below)."
    )
    assert "slow is dearer wherever measured" in texts[1]
    assert texts[2].startswith("At 256 time steps, lstm takes 0.54") or texts[2].startswith("At 256 time steps, lstm takes 0.55")
    assert not any("no one verdict" in text for text in texts)


def test_curves_that_cross_where_no_family_is_named():
    """Two lines that surely cross once get bounds in place of a ratio over all lengths."""
    grid = factory.cases("length", variant=("lstm", "gru"), seq_len=(32, 64, 128, 256))
    step = lambda case: 1e-3 if case.variant == "lstm" else 1e-5 * case.seq_len  # noqa: E731
    text = " ".join(said([factory.record(case, step=step, noise=0.002) for case in grid]))
    assert "gru crosses lstm: it is dearer from between 64 and 128 time steps on." in text
