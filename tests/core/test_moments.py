"""Times as others write them."""

import pytest

from rnnbench.moments import in_utc


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2026-01-01T12:00:00", 12), ("2026-01-01T12:00:00Z", 12), ("2026-01-01T12:00:00+02:00", 10)],
)
def test_a_time_is_read_in_utc(text, hour):
    """With its zone, and without one as UTC, whatever the machine's zone is."""
    assert (in_utc(text).hour, in_utc(text).utcoffset().total_seconds()) == (hour, 0)


@pytest.mark.parametrize("text", ["", "yesterday", None, "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(text):
    """Also a time that in UTC lies before the calendar begins."""
    assert in_utc(text) is None
