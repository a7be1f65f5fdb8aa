"""Commands of the pages that take too long for the ordinary tests: of all but the quick pages, and of the blocks marked as slow."""

from pathlib import Path

import pytest

from tests.pages import PAGES, QUICK_PAGES, SLOW, Block, commands, fenced, run_all


def slow(page: Path) -> list[Block]:
    """The page's blocks that are marked as slow."""
    return [one for one in fenced(page) if one.mark == SLOW]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page) and page.name not in QUICK_PAGES], ids=lambda page: page.name)
def test_every_command_of_a_page_runs(page: Path, tmp_path: Path):
    """Each command of a page's shell blocks ends with 0, in the order of the page, in a folder like the clone."""
    run_all(commands(page), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if slow(page)], ids=lambda page: page.name)
def test_every_slow_command_runs(page: Path, tmp_path: Path):
    """Each ends with 0, or with 3 or 4 where it compares: then it has measured, and says what it found."""
    quick = commands(page)
    found = [words for words in commands(page, slow=True) if words not in quick]
    assert found
    run_all(found, tmp_path, codes=(0, 3, 4))
