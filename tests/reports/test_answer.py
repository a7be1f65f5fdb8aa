"""Sentences say what the data carry, and no more."""

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
