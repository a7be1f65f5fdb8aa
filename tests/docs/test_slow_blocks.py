"""Commands of the pages that take too long for the ordinary tests."""

from pathlib import Path

import pytest

from tests.pages import PAGES, SLOW, Block, commands, fenced, run_all


def slow(page: Path) -> list[Block]:
    """The page's blocks that are run here alone."""
    return [one for one in fenced(page) if one.mark == SLOW]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if slow(page)], ids=lambda page: page.name)
def test_every_slow_command_runs(page: Path, tmp_path: Path):
    """Each ends with 0, or with 3 or 4 where it compares: then it has measured, and says what it found."""
    quick = commands(page)
    found = [words for words in commands(page, slow=True) if words not in quick]
    assert found
    run_all(found, tmp_path, codes=(0, 3, 4))
