"""axe-core, in real Chromium, finds nothing serious on any kind of page, in either theme (WCAG 2.2 A and AA, and good practice)."""

from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from rnnbench.analysis.frames import Loaded
from rnnbench.gate.history import history
from rnnbench.journal import Journal
from rnnbench.record import Run
from rnnbench.reports.forms.history_page import write_history
from rnnbench.reports.forms.page import Live, render, write_report
from rnnbench.reports.forms.site import write_site
from tests.browser import chromium, open_file
from tests.reports import factory

__all__ = ["chromium"]
pytestmark = pytest.mark.browser
PACKAGE = "axe-playwright-python"  # of it only the axe.min.js that it carries is used
CHECK = """const [only, done] = arguments;
    axe.run(document, {runOnly: only, resultTypes: ["violations"], preload: false}).then((found) => done(found.violations))"""
WHOLE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
THEMES: dict[str, Any] = {"light": WHOLE, "dark": {"type": "rule", "values": ["color-contrast"]}}  # the theme changes colours only
CASE = factory.Case(suite="depth")
SMALL = factory.cases("depth", variant=("lstm", "gru"), depth=(1, 2, 4))


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe.min.js."""
    try:
        (path,) = [one for one in metadata.files(PACKAGE) or () if one.name == "axe.min.js"]
    except (metadata.PackageNotFoundError, ValueError):
        pytest.skip(f"needs axe-core: pip install {PACKAGE}")
    return Path(str(path.locate())).read_text(encoding="utf-8")


def grave(driver: Any, axe: str) -> list[str]:
    """What axe-core finds moderate or worse, in either theme."""
    driver.set_script_timeout(90)
    driver.execute_script(axe)
    told = []
    for theme, only in THEMES.items():
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]})
        found = driver.execute_async_script(CHECK, only)
        told += [f"{theme}: {one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] != "minor"]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    return told


def beside(**axes: Any) -> Run:
    return factory.run([factory.record(case, rounds=12) for case in factory.cases(**axes)])


PAGES: dict[str, Callable[[], list[Run]]] = {
    "depth": lambda: [factory.run([*(factory.record(case, rounds=12) for case in SMALL), factory.failed(CASE, "oom", "no memory")])],
    "precision": lambda: [beside(suite="precision", variant=("lstm", "gru"), precision=("fp32", "bf16", "fp16"))],
    "clipping": lambda: [beside(suite="clipping", clip_norm=(1.0,), depth=(1, 2))],
    "comparison": lambda: [
        factory.run([factory.record(case, rounds=12, process=process) for case in SMALL for process in range(5)], id=name)
        for name in ("base", "new")
    ],
    "crossing": lambda: [beside(suite="length", variant=("lstm", "gru"), seq_len=(32, 64, 128))],
    "empty": lambda: [factory.run([], ["depth"])],
    "one case": lambda: [factory.run([factory.record(CASE)])],
    "all failed": lambda: [factory.run([factory.failed(CASE, "oom", "no memory")])],
}


@pytest.mark.parametrize("name", PAGES)
def test_reports(chromium: Any, axe: str, tmp_path: Path, name: str):
    """No report has a violation, with a row's detail open too."""
    open_file(chromium, write_report([Loaded(run) for run in PAGES[name]()], tmp_path))
    chromium.execute_script("document.querySelectorAll('.open').forEach((one, at) => at < 2 && one.click())")
    assert grave(chromium, axe) == []


def test_a_live_page(chromium: Any, axe: str, tmp_path: Path):
    """A page that follows a run can be paused, and has no violation."""
    path = tmp_path / "live.html"
    path.write_text(render([Loaded(factory.run([factory.record(CASE)]))], live=Live(1, 3, 600)))
    open_file(chromium, path)
    chromium.find_element("id", "pause").click()
    assert chromium.find_element("id", "pause").get_attribute("aria-pressed") == "true"
    assert grave(chromium, axe) == []


def runs_that_slowed(folder: Path) -> Path:
    """Twelve runs of two cases, the second half a fifth slower."""
    for number in range(12):
        slower = 1.2 if number > 5 else 1.0
        records = [factory.record(case, rounds=8, step=lambda one, by=slower: by * factory.step_s(one)) for case in SMALL[:2]]
        run = replace(factory.run(records), id=f"run{number:02}", started_utc=f"2026-03-{number + 1:02}T00:00:00Z")
        journal = Journal(folder / run.id, run)
        for record in run.records:
            journal.append(record)
    return folder


def test_a_site(chromium: Any, axe: str, tmp_path: Path):
    """No page of a site, nor that of a history, has a violation, complains on the console, or lacks its style sheet."""
    results = runs_that_slowed(tmp_path / "results")
    index = write_site(results, tmp_path / "site", pages=1)[0]
    page = write_history(history(results, metrics=["step_time_s"]), tmp_path / "history.html")
    for path in (index, index.with_name("runs-1.html"), index.with_name("suite1-1.html"), next(index.parent.glob("cases/*.html")), page):
        open_file(chromium, path)
        chromium.execute_script("document.querySelectorAll('details').forEach((one) => one.open = true)")
        assert chromium.execute_script("return getComputedStyle(document.querySelector('.bar')).position") == "sticky"
        assert grave(chromium, axe) == [], path
        assert chromium.get_log("browser") == []
    assert chromium.find_elements("css selector", "svg .level, svg.level, .level")
