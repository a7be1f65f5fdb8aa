"""docs/reliability.md names tests that there are."""

import re

from tests.tools import ROOT


def test_every_test_that_the_page_names_is_there():
    """Each test named in docs/reliability.md is a function of tests/faults."""
    page = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    modules = [path for path in (ROOT / "tests/faults").glob("test_*.py") if path.name != "test_page.py"]
    there = {name for path in modules for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)}
    assert named <= there, named - there
    assert len(named) > 25
