"""The built documentation: strictly, offline, and asking nothing of any network."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.limits import hung_s
from tests.pages import CLONE

pytest.importorskip("mkdocs", reason="the extra `docs` is not installed")
pytest.importorskip("mkdocs", reason="the extra `docs` is not installed")

ASKED = re.compile(
    r"""(?:<script[^>]+src|<link[^>]+rel="?(?:stylesheet|preconnect|preload)[^>]+href|<img[^>]+src|url\()\s*=?\s*["'(]?(https?:)?//"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built from the clone; every warning is an error."""
    out = tmp_path_factory.mktemp("site")
    words = (sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(CLONE / "mkdocs.yml"), "-d", str(out))
    done = subprocess.run(words, cwd=CLONE, capture_output=True, text=True, timeout=hung_s(), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_nothing_is_asked_of_any_network(site: Path):
    """No script, style, font or picture comes from elsewhere."""
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > 10
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not (found := ASKED.search(text)), (page, text[found.start() : found.end() + 80])
        assert "unpkg.com" not in text
        assert "fonts.g" not in text


def test_every_page_of_the_folder_is_in_the_site(site: Path):
    """Each docs/*.md has its page."""
    for page in (CLONE / "docs").glob("*.md"):
        assert (site / f"{page.stem}.html").is_file(), page


def test_the_reference_of_python_holds_the_docstrings(site: Path):
    """Classes and functions stand there with what they say of themselves."""
    text = (site / "api.html").read_text(encoding="utf-8")
    for told in ("One thing to measure", "The outcome of one case in one process", "One row a record", "Raises BadResults"):
        assert told in text, told
