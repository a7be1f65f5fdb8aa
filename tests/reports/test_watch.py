"""The page that follows a run."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rnnbench.cli import report, watch  # noqa: F401 - adds its command
from rnnbench.cli.app import app
from rnnbench.journal import Journal
from tests.reports import factory

WHOLE = factory.depth_run()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A run that has begun, with three records of six."""
    planned = tuple({"id": str(record.case)} for record in WHOLE.records[:6])
    begun = Journal(tmp_path / "results" / WHOLE.id, replace(WHOLE, finished_utc="", planned=planned))
    for record in WHOLE.records[:3]:
        begun.append(record)
    return begun


@pytest.fixture(autouse=True)
def _at_ease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "nice", lambda _: 0)
    monkeypatch.setattr(watch, "SHARE", 0)


def test_it_follows_to_the_end(journal: Journal, tmp_path: Path):
    """The page is written as records come, says how far the run is, and is plain once the run has ended."""
    steps: Iterator[tuple[Path, str]] = watch.follow(journal.folder, tmp_path / "reports", 0.01)
    page, line = next(steps)
    assert line == "3 of 6 records"
    assert "3 of 6 measurements so far" in page.read_text()
    journal.append(WHOLE.records[3])
    assert next(steps)[1] == "4 of 6 records"
    journal.write_run(WHOLE)
    assert next(steps)[1].endswith("the run has ended")
    assert 'id="live"' not in page.read_text()
    assert next(steps, None) is None


def test_opening(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """--open hands the page's address to the desktop's browser; where there is none, a sentence says where the page is."""
    journal = Journal(tmp_path / "results" / WHOLE.id, WHOLE)
    asked: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(asked.append(address)))
    command = ["report", "--open", "--results", str(tmp_path / "results"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert asked == [(tmp_path / "out" / f"{journal.folder.name}.html").as_uri()]
    assert "no browser could be opened" in done.stderr


def test_watching_is_for_one_page(tmp_path: Path):
    """--watch with another form is refused in a sentence."""
    Journal(tmp_path / WHOLE.id, WHOLE)
    done = CliRunner().invoke(app, ["report", "--watch", "-f", "md", "--results", str(tmp_path)])
    assert done.exit_code != 0
    assert "--watch follows one run" in str(done.exception)
