"""The report in a real browser: it opens from disk, asks nobody, complains of nothing, and its table works."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnbench.analysis.frames import Loaded
from rnnbench.reports.forms.page import write_report
from tests.browser import chromium, open_file, requests
from tests.reports import factory

__all__ = ["chromium"]
pytestmark = pytest.mark.browser
SHOWN = "return [...document.querySelectorAll('#table tbody tr:not(.detail)')].filter((row) => !row.hidden).map((row) => row.innerText)"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The depth report."""
    return write_report([Loaded(factory.depth_run())], tmp_path_factory.mktemp("report"))


@pytest.fixture
def report(chromium: Any, path: Path) -> Any:
    """The depth report, freshly open."""
    open_file(chromium, path)
    return chromium


def click(driver: Any, selector: str) -> None:
    driver.execute_script("document.querySelector(arguments[0]).click()", selector)


def test_it_is_quiet(report: Any):
    """No console message, and no request but for the file itself."""
    assert report.get_log("browser") == []
    assert {address.partition(":")[0] for address in requests(report)} <= {"file", "data"}
    assert "additional layer adds" in report.find_element("css selector", ".headline").text


def test_the_policy_forbids_the_network(report: Any):
    """Even a script that runs in the page cannot reach an address."""
    blocked = "const done = arguments[0]; fetch('http://127.0.0.1:9/').then(() => done('open'), () => done('blocked'))"
    assert report.execute_async_script(blocked) == "blocked"
    assert any("Content Security Policy" in entry["message"] for entry in report.get_log("browser"))


def test_sorting(report: Any):
    """A head's button sorts by value, not by text; again turns it round; failed cases stay last."""
    place = report.execute_script(
        "return [...document.querySelectorAll('#table thead button')].findIndex((one) => one.textContent === 'step time')"
    )
    script = """const data = JSON.parse(document.getElementById('run-data').textContent).rows;
        return [...document.querySelectorAll('#table tbody .open')].map((one) => data[+one.textContent - 1].metrics.step_time_s ?? null)"""
    click(report, f"#table thead button[data-sort='{place}']")
    rising = report.execute_script(script)
    assert rising[-1] is None
    assert rising[:-1] == sorted(rising[:-1])
    click(report, f"#table thead button[data-sort='{place}']")
    assert report.execute_script(script) == [*rising[-2::-1], None]
    assert report.execute_script("return document.querySelector('[aria-sort]').innerText.trim()").startswith("step time")


def test_filters(report: Any):
    """An axis filter and the search box leave the rows that match, and say how many."""
    choose = "const one = [...document.querySelectorAll('.tools select')][0]; one.value = 'lstm'; one.dispatchEvent(new Event('change'))"
    report.execute_script(choose)
    assert len(report.execute_script(SHOWN)) == 16
    report.find_element("id", "find").send_keys("oom")
    assert len(report.execute_script(SHOWN)) == 1
    assert report.find_element("id", "said").text == "1 of 48 cases"


def test_a_row_opens(report: Any):
    """A row shows its rounds, what is absent and why, and the command; the keyboard does it too."""
    button = report.find_elements("css selector", "#table .open")[0]
    button.send_keys("\ue007")
    detail = report.find_element("css selector", "tr.detail")
    assert "rnnbench run --suite depth" in detail.text
    assert "cpu has no such counter" in detail.text
    assert len(detail.find_elements("css selector", "circle")) == 40
    assert button.get_attribute("aria-expanded") == "true"
    button.send_keys("\ue007")
    assert not report.find_elements("css selector", "tr.detail")


def test_columns_can_be_chosen(report: Any):
    """A hidden column can be shown, and copied."""
    before = report.execute_script(SHOWN)[0]
    labels = "[...document.querySelectorAll('.chooser label')]"
    report.execute_script(f"{labels}.find((one) => one.textContent.includes('case id')).querySelector('input').click()")
    assert "depth/elman-forward" in report.execute_script(SHOWN)[0]
    assert "depth/elman-forward" not in before


@pytest.mark.parametrize(
    ("button", "start"), [("copy-csv", "variant,phase,depth,precision,status,step_time_s"), ("copy-md", "| variant | phase | depth |")]
)
def test_copying(report: Any, button: str, start: str):
    """The table is copied as CSV with raw numbers, or as Markdown."""
    clipboard = "{value: {writeText: async (text) => { window.kept = text; }}, configurable: true}"
    report.execute_script(f"Object.defineProperty(navigator, 'clipboard', {clipboard})")
    click(report, f"#{button}")
    text = report.execute_script("return window.kept")
    assert text.startswith(start)
    assert len(text.strip().splitlines()) == 49 + (button == "copy-md")


def test_one_reader_goes_through_the_table(report: Any):
    """The headline links to its evidence, a failed row stands in place with its reason, every axis filters, copies hold what is shown."""
    target = report.find_element("css selector", ".headline .evidence").get_attribute("href").partition("#")[2]
    assert report.find_elements("id", target)
    rows = report.find_elements("css selector", "#table tbody tr")
    assert "bad" in rows[29].get_attribute("class")
    assert "can't allocate memory" in rows[29].text
    script = """const out = {}; for (const one of document.querySelectorAll('.tools select')) {
        const name = one.parentElement.textContent.trim().split(' ')[0]; out[name] = [];
        for (const option of [...one.options].slice(1)) {
            one.value = option.value; one.dispatchEvent(new Event('change'));
            out[name].push([...document.querySelectorAll('#table tbody tr')].filter((tr) => !tr.hidden).length); }
        one.value = ''; one.dispatchEvent(new Event('change')); }
        return out"""
    found = report.execute_script(script)
    assert found == {"variant": [16, 16, 16], "phase": [24, 24], "depth": [12] * 4, "precision": [24, 24], "status": [47, 1]}
    clipboard = "{value: {writeText: async (text) => { window.kept = text; }}, configurable: true}"
    report.execute_script(f"Object.defineProperty(navigator, 'clipboard', {clipboard})")
    report.find_element("id", "find").send_keys("oom")
    click(report, "#copy-csv")
    assert len(report.execute_script("return window.kept").strip().splitlines()) == 2
    report.execute_script("arguments[0].cells[1].click()", rows[29])  # the sticky bar may lie over it
    assert "Measure this case again" in report.find_element("css selector", "tr.detail").text


def test_the_keyboard_reaches_everything(report: Any):
    """From the top, Tab goes first to the skip link, then down the page in its order; what has the focus is seen, and no trap holds it."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    every = """const able = 'a[href], button, select, input, summary, [tabindex="0"]';
        return [...document.querySelectorAll(able)].filter((one) => one.checkVisibility())"""
    look = """const one = document.activeElement, style = getComputedStyle(one);
        const seen = one.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
        return [arguments[0].indexOf(one), seen, one.outerHTML.slice(0, 80)]"""
    report.execute_script("document.activeElement.blur(); scrollTo(0, 0)")
    met = []
    found = report.execute_script(every)
    for _ in found:
        ActionChains(report).send_keys(Keys.TAB).perform()
        place, seen, what = report.execute_script(look, found)
        if place < 0:
            break
        assert seen, f"nobody sees that the focus is on {what}"
        met.append(place)
    assert met[0] == 0
    assert "skip" in found[0].get_attribute("class")
    assert met == sorted(met)
    assert len(met) == len(found)


def test_the_data_can_be_kept(report: Any):
    """The download button leaves the data as a JSON file."""
    click(report, "#download")
    path = report.downloads / "rnnbench-report.json"
    for _ in range(100):
        if path.exists():
            break
        time.sleep(0.05)
    assert len(json.loads(path.read_text())["rows"]) == 48


def test_themes(report: Any):
    """The page follows the system's theme, and its button turns it over."""
    ground = "return getComputedStyle(document.body).backgroundColor"
    report.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "light"}]})
    light = report.execute_script(ground)
    report.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    dark = report.execute_script(ground)
    click(report, "#theme")
    assert light != dark
    assert report.execute_script(ground) == light
    report.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_phone_shows_it_whole(report: Any):
    """At a phone's width nothing makes the page itself scroll sideways."""
    report.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True})
    wide = report.execute_script("return document.documentElement.scrollWidth")
    report.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= 390


def test_it_prints(report: Any):
    """It prints to PDF."""
    assert len(report.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"]) > 10_000


@pytest.mark.parametrize(
    "name", ["<script>window.bad = 1</script>", "\"'><img src=x onerror='window.bad = 1'>", "x" * 10_000, "\u202eשלום"]
)
def test_hostile_names_do_nothing(chromium: Any, tmp_path: Path, name: str):
    """A name out of a results file is shown as text, in rows, details, notes and the machine's table."""
    records = [
        factory.record(factory.Case(suite="depth"), notes=(f"{name}: do {name}",), absent={name: name}, log=name),
        factory.failed(factory.Case(suite="depth", depth=3), "failed", name),
    ]
    suite = {"name": "depth", "title": name, "question": name, "x": "depth", "hue": "variant"}
    run = replace(factory.run(records, machine={name: name}, arguments={"preset": name}, id=name), suites=(suite,))
    open_file(chromium, write_report([Loaded(run)], tmp_path))
    chromium.execute_script("document.querySelectorAll('.open').forEach((one) => one.click())")
    assert chromium.execute_script("return window.bad") is None
    assert chromium.get_log("browser") == []
    shown = name[:20].replace("\u202e", "\\u202e")  # a mark that would turn the text around is shown by its code
    assert shown in chromium.execute_script("return document.querySelector('h1').textContent")
    assert chromium.execute_script("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("run", [factory.run([], ["depth"]), factory.run([factory.failed(factory.Case(suite="depth"), "oom", "")])])
def test_thin_runs_open(chromium: Any, tmp_path: Path, run: Any):
    """A page without a case, or with failures only, opens without complaint."""
    open_file(chromium, write_report([Loaded(run)], tmp_path))
    assert chromium.get_log("browser") == []


def test_a_wide_table_keeps_its_head(report: Any):
    """Scrolled within its frame, down and to the right, the table of cases shows its heads at the top of the frame."""
    script = """const frame = document.querySelector('#table').closest('.framed');
        frame.scrollTop = 300; frame.scrollLeft = 40;
        const head = document.querySelector('#table thead th').getBoundingClientRect();
        return [frame.scrollTop, Math.abs(head.top - frame.getBoundingClientRect().top), frame.clientHeight < frame.scrollHeight];"""
    scrolled, apart, taller = report.execute_script(script)
    assert taller
    assert scrolled > 100
    assert apart <= 2
