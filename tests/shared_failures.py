"""A fixture that many tests share fails once: the first test carries the cause, the others are skipped and name that test."""

from collections.abc import Iterator
from typing import Any

import pytest

_FIRST: dict[int, tuple[BaseException, str]] = {}  # by identity: pytest raises the same exception again for each test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    """Turn the repeated error of a shared fixture into a skip."""
    report = yield
    if call.when == "setup" and call.excinfo is not None and report.failed:
        error = call.excinfo.value
        _, first = _FIRST.setdefault(id(error), (error, item.nodeid))
        if first != item.nodeid:
            report.outcome = "skipped"
            report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: its fixture failed in {first}")
    return report
