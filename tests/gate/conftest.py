"""Fixtures of several files of the gate's tests."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.gate.sides import CASE, records, times, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs: a base, the same again, one 10 % slower, one process each, one with an operator more."""
    home = tmp_path_factory.mktemp("gate")
    results = home / "results"
    write(results, "base", records(CASE, times(0)))
    write(results, "same", records(CASE, times(1)))
    write(results, "slow", records(CASE, times(2, factor=1.1)))
    write(results, "single", records(CASE, times(3, 1, factor=2)))
    write(results, "more", records(CASE, times(4, 1), metrics={"operators": 8.0}))
    write(results, "empty", [])
    write(results, "other", records(replace(CASE, depth=9, hidden_size=99), times(5)))
    return home
