"""Errors: the exit codes are the interface, and the nearest good name comes first."""

import pytest

from rnnbench import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UnknownName("suite", "x", []), 2),
        (errors.BadValue("depth", 0, "more"), 2),
        (errors.BadExpression("--set", "x", "y"), 2),
        (errors.NoSuchDevice("cuda", ["cpu"]), 2),
        (errors.BadPlugin("x.py", "no"), 2),
        (errors.CannotWrite("/x", "no"), 1),
        (errors.BadResults("/x", "no"), 4),
    ],
)
def test_each_mistake_has_its_exit_code(error, code):
    """The exit code of each mistake is the documented one."""
    assert error.exit_code == code


def test_the_nearest_name_comes_first_and_none_is_lost():
    """What is most like the bad name leads the list; the rest follows in its own order."""
    assert errors.nearest_first("widht", ["depth", "batch", "width"]) == ["width", "depth", "batch"]


def test_a_message_is_one_line():
    """A bad value that holds a line break is quoted without breaking the sentence."""
    assert "\n" not in str(errors.UnknownName("suite", "a\nb", ["depth"]))
