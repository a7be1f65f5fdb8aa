"""Numbers as text: nothing is lost but digits, and what is not there is never 0."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench import units
from rnnbench.record import METRICS

PREFIXES = {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "µ": 1e-6, "n": 1e-9}
BINARY = {"TiB": 2**40, "GiB": 2**30, "MiB": 2**20, "KiB": 2**10, "B": 1}


def number(text: str) -> float:
    return float(re.match(r"-?[\d,.]+", text)[0].replace(",", ""))


@given(st.floats(1e-9, 1e14))
def test_scaled_text_reads_back(value):
    """A figure under an SI prefix is within half a per cent of the value that it stands for."""
    text = units.scaled(value, "s")
    figure, _, unit = text.partition(" ")
    assert number(figure) * PREFIXES[unit.removesuffix("s")] == pytest.approx(value, rel=0.0051)


@given(st.floats(1, 2**45))
def test_bytes_read_back(value):
    """Bytes in powers of 1,024 are within half a per cent of the count."""
    figure, unit = units.binary_bytes(value).split(" ")
    assert number(figure) * BINARY[unit] == pytest.approx(value, rel=0.0051)


@given(st.floats(1e-9, 1e15) | st.floats(-1e15, -1e-9))
def test_no_figure_has_an_exponent(value):
    """Numbers are written out: people do not read 1e-05."""
    assert "e" not in units.digits(value)


@pytest.mark.parametrize("metric", METRICS)
def test_what_is_absent_is_a_dash(metric):
    """A missing figure is never shown as 0, whatever its unit."""
    assert units.show(metric, None) == units.show(metric, float("nan")) == "–"


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("step_time_s", 0.0123, "12.3 ms"),
        ("step_time_s", 0.0000123, "12.3 µs"),
        ("activation_bytes", 107319296, "102 MiB"),
        ("tokens_per_s", 123456, "123 k/s"),
        ("parameters", 1234567, "1,234,567"),
        ("beside_ratio", 1.00449, "1.004×"),
        ("rounds", 0, "0"),
    ],
)
def test_a_metric_is_shown_in_the_unit_of_its_name(metric, value, text):
    """The suffix of a metric's name decides its unit and scale."""
    assert units.show(metric, value) == text


@pytest.mark.parametrize(("seconds", "text"), [(5.24, "5.2 s"), (59.94, "59.9 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")])
def test_spans_are_said_as_people_say_them(seconds, text):
    """Seconds, then minutes, then hours."""
    assert units.duration(seconds) == text


@given(st.floats(0, 1e6))
def test_a_minute_never_has_sixty_seconds(seconds):
    """Rounding carries over: no span reads 60 s or 60 min."""
    assert not re.search(r"\b60(\.0)? (s|min)\b", units.duration(seconds))
