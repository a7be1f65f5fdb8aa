"""Changes of level are found, spikes are not; the canary takes the machine's drift away; figures of other machines stay apart."""

import json
from itertools import pairwise

import numpy as np
import pytest

from rnnbench.analysis.changepoints import pending, shifts
from rnnbench.case import Case
from rnnbench.errors import BadResults, UnknownName
from rnnbench.gate.formats.histories import as_json, as_markdown
from rnnbench.gate.history import history
from rnnbench.gate.timeline import timeline
from rnnbench.reports.draw.history_chart import description
from rnnbench.reports.forms.history_page import write_history
from tests.gate.sides import CASE, records, write
from tests.reports.factory import MACHINE

CANARY = Case(suite="canary", depth=1, hidden_size=128)


def noisy(seed: int, count: int, cv: float = 0.015, spikes: float = 0.05):
    """A level with noise, and now and then a run that took far longer."""
    rng = np.random.default_rng(seed)
    return 0.01 * np.exp(rng.normal(0, cv, count) + (rng.random(count) < spikes) * rng.uniform(0.1, 1, count))


def test_spikes_are_no_change():
    """Of a hundred series of 200 points with spikes and one level, at most one shows a change."""
    assert sum(bool(shifts(noisy(seed, 200))) for seed in range(100)) <= 1


def bimodal(luck, count):
    """Processes on one of two levels, 6 % apart."""
    return luck.normal(0, 0.003, count) + (luck.random(count) < 0.5) * 0.06


def spreading(luck, count):
    """Eight times as noisy from the middle on."""
    return luck.normal(0, 1, count) * np.where(np.arange(count) < count / 2, 0.005, 0.04)


def correlated(luck, count):
    """Neighbours correlated by 0.5."""
    steps = luck.normal(0, 0.015, count)
    for index in range(1, count):
        steps[index] = 0.5 * steps[index - 1] + np.sqrt(0.75) * steps[index]
    return steps


@pytest.mark.parametrize("shape", [bimodal, spreading, correlated])
@pytest.mark.parametrize("count", [60, 200])
def test_noise_of_no_easy_shape_is_no_change(shape, count):
    """Of a hundred series without a change at most eleven show one: a rate of 5 %, and what a hundred draws of it may come to (99.5 %)."""
    assert sum(bool(shifts(np.exp(shape(np.random.default_rng([seed, count]), count)))) for seed in range(100)) <= 11


def test_a_wavering_canary_changes_no_case(tmp_path):
    """A bimodal canary beside a quiet case: its own noise is divided out of nothing, and the case shows no change."""
    luck = np.random.default_rng(4)
    for index in range(60):
        quiet, bimodal = 0.01 * np.exp(luck.normal(0, 0.002)), 0.002 * np.exp(0.06 * luck.integers(0, 2))
        found = records(CASE, [quiet]) + records(CANARY, [bimodal])
        write(tmp_path, f"r{index:03d}", found, started_utc=f"2026-01-01T00:{index:02d}:00Z")
    found = history(tmp_path, metrics=["step_time_s"])
    assert found.changed == []
    assert {one.canary for one in found.series} == {""}


def test_what_the_canary_leaves_open_is_no_change_of_a_case(tmp_path):
    """Where the machine changed by 15 % as a bimodal canary shows it, quiet cases show no change of their own beside that one."""
    luck = np.random.default_rng(5)
    for index in range(60):
        slow = 1.15 if index >= 30 else 1.0
        found = records(CASE, [0.01 * slow * np.exp(luck.normal(0, 0.002))])
        found += records(CANARY, [0.002 * slow * np.exp(0.06 * luck.integers(0, 2))])
        write(tmp_path, f"r{index:03d}", found, started_utc=f"2026-01-01T00:{index:02d}:00Z")
    assert [one.case for one, _ in history(tmp_path, metrics=["step_time_s"]).changed] == [str(CANARY)]


def test_ten_per_cent_is_found_within_five_points():
    """In 95 of 100 series a step of 10 % is found when five points are behind it."""
    found = 0
    for seed in range(100):
        series = noisy(seed, 105)
        series[100:] *= 1.1
        found += any(98 <= shift.at <= 102 and 1.05 < shift.ratio < 1.15 for shift in shifts(series))
    assert found >= 95


def test_small_changes_are_left_alone():
    """A sure step of 1.5 % is below the least that is told."""
    series = np.exp(np.random.default_rng(0).normal(0, 0.002, 200))
    series[100:] *= 1.015
    assert shifts(series) == []
    assert len(shifts(series, min_change=0.01)) == 1


def test_several_levels_are_told_apart():
    """Up, down and up again: three changes, at their places."""
    series = noisy(1, 200)
    for start, factor in ((50, 1.2), (100, 0.8), (150, 1.3)):
        series[start:] *= factor
    assert [shift.at for shift in shifts(series)] == pytest.approx([50, 100, 150], abs=2)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_short_series_have_no_levels(count):
    """Fewer points than two levels have show no change, however far apart."""
    assert shifts([1.0, 9.0, 1.0, 9.0, 1.0, 9.0, 1.0][:count]) == []


def test_a_flat_series_has_no_change():
    """Exactly equal figures."""
    assert shifts([1.0] * 50) == []


def results(folder, factor=lambda index: 1.0, drift=lambda index: 1.0, *, canary=True, machine=lambda index: MACHINE, count=40):
    """A folder of runs, each with a case and a canary."""
    rng = np.random.default_rng(3)
    for index in range(count):
        slow = drift(index)
        found = records(CASE, [0.01 * factor(index) * slow * np.exp(rng.normal(0, 0.01))])
        if canary:
            found += records(CANARY, [0.002 * slow * np.exp(rng.normal(0, 0.01))])
        write(
            folder,
            f"r{index:03d}",
            found,
            started_utc=f"2026-01-01T00:{index:02d}:00Z",
            commit={"hash": f"{index:010x}{0:030x}"},
            machine=machine(index),
        )
    return folder


def test_a_change_is_told_with_its_commits(tmp_path):
    """The range of commits is that between the last run of one level and the first of the next."""
    found = history(results(tmp_path, lambda index: 1.1 if index >= 20 else 1.0), metrics=["step_time_s"])
    ((one, change),) = found.changed
    assert (one.case, change.worse) == (str(CASE), True)
    assert change.shift.at in (19, 20, 21)
    at = change.shift.at
    assert (int(change.last_before.run.hash[:10], 16), int(change.first_after.run.hash[:10], 16)) == (at - 1, at)
    assert "❌" in as_markdown(found)
    assert json.loads(as_json(found))["series"][0]["changes"][0]["at"] == at


def test_the_canary_takes_drift_away(tmp_path):
    """A machine that became 15 % slower shows in the canary alone; without the canary every case seems to have changed."""
    folder = results(tmp_path, drift=lambda index: 1.15 if index >= 20 else 1.0)
    assert [one.case for one, _ in history(folder, metrics=["step_time_s"]).changed] == [str(CANARY)]
    assert {one.case for one, _ in history(folder, metrics=["step_time_s"], canary="none").changed} == {str(CANARY), str(CASE)}


def test_a_site_divides_the_drift_out_too(tmp_path):
    """The site's series show neither the drift nor a change by it, and say whose figures were used; the canary's own show both."""
    folder = results(tmp_path, drift=lambda index: 1.15 if index >= 20 else 1.0)
    found = timeline(folder)
    (freed,), (canary,) = (list(found.series(str(case), ["step_time_s"])) for case in (CASE, CANARY))
    assert (freed.changes, freed.canary) == ((), str(CANARY))
    assert (len(canary.changes), canary.canary) == (1, "")
    values = [point.value for point in freed.points]
    assert np.median(values[:20]) == pytest.approx(np.median(values[20:]), rel=0.02)
    assert "Corrected for machine drift" in description(freed)


@pytest.mark.parametrize("newest", [1, 2])
def test_a_change_in_the_newest_runs_is_pending(tmp_path, newest):
    """Too few runs for a level: no change point, but a pending change with its commits and with what would settle it."""
    found = history(results(tmp_path / "results", lambda index: 1.15 if index >= 40 - newest else 1.0), metrics=["step_time_s"])
    assert found.changed == []
    ((one, change),) = found.pending
    assert (one.case, change.worse, change.at, one.settles_after) == (str(CASE), True, 40 - newest, 4 - newest)
    assert change.ratio == pytest.approx(1.15, abs=0.03)
    told = next(series for series in json.loads(as_json(found))["series"] if series["case"] == str(CASE))
    assert (told["changes"], told["pending"]["runs_to_settle"]) == ([], 4 - newest)
    assert "no change points, 1 pending" in as_markdown(found)
    assert f"{4 - newest} more run" in as_markdown(found)
    assert f"{4 - newest} more run" in write_history(found, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Pending: +1" in description(one)


def test_a_change_in_the_newest_three_runs_is_visible(tmp_path):
    """Three runs may pass the test together with the run before them; otherwise they are pending. Either way the change is listed."""
    found = history(results(tmp_path, lambda index: 1.15 if index >= 37 else 1.0), metrics=["step_time_s"])
    ((one, change),) = found.changed or found.pending
    assert (one.case, change.worse) == (str(CASE), True)
    assert change.at in (36, 37)


def test_a_confirmed_change_is_no_longer_pending(tmp_path):
    """Five runs at the new level: a change point, and nothing pending."""
    found = history(results(tmp_path, lambda index: 1.15 if index >= 35 else 1.0), metrics=["step_time_s"])
    assert (len(found.changed), found.pending) == (1, [])


def test_noise_is_seldom_pending():
    """Of two hundred series with one level, at most five end with a pending change."""
    series = [noisy(seed, 60, spikes=0) for seed in range(200)]
    assert sum(pending(one, shifts(one)) is not None for one in series) <= 5


@pytest.mark.parametrize("count", [0, 1, 8])
def test_short_series_have_nothing_pending(count):
    """With no more than eight runs there is no level to differ from."""
    assert pending([1.0] * (count - 1) + [9.0] * min(count, 1), []) is None


def test_a_pending_change_must_count():
    """A sure step of 1.5 % is below the smallest change that is reported."""
    series = np.exp(np.random.default_rng(0).normal(0, 0.002, 40))
    series[38:] *= 1.015
    assert pending(series, []) is None
    found = pending(series, [], min_change=0.01)
    assert found is not None
    assert found.at == 38


def test_a_page_draws_what_changed(tmp_path):
    """The page holds a picture of the series that changed, its change in words, and the commits between which it came."""
    found = history(results(tmp_path / "results", lambda index: 1.1 if index >= 20 else 1.0), metrics=["step_time_s"])
    ((_, change),) = found.changed
    page = write_history(found, tmp_path / "new/history.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 1
    assert f"commits {change.commits}, first seen in {change.first_after.run.id}" in page
    assert 'class="level"' in page
    assert "(worse)" in page


def test_a_change_of_the_code_survives_the_canary(tmp_path):
    """Drift and a change at different runs: the change is found where it is."""
    folder = results(tmp_path, lambda index: 1.1 if index >= 25 else 1.0, lambda index: 1.2 if index >= 10 else 1.0)
    places = [change.shift.at for one, change in history(folder, metrics=["step_time_s"]).changed if one.case == str(CASE)]
    assert places == pytest.approx([25], abs=1)


def test_machines_stay_apart(tmp_path):
    """Runs that take turns on two machines, one twice as fast, are two series without a change."""
    other = {**MACHINE, "cpu": {**MACHINE["cpu"], "model": "EPYC"}}
    folder = results(tmp_path, lambda index: 1 + index % 2, canary=False, machine=lambda index: (MACHINE, other)[index % 2])
    found = history(folder, metrics=["step_time_s"])
    assert (len(found.series), found.changed) == (2, [])
    assert all(len({point.value > 0.015 for point in one.points}) == 1 for one in found.series)
    assert all(a.run.started_utc < b.run.started_utc for one in found.series for a, b in pairwise(one.points))


def test_exact_figures_change_at_once(tmp_path):
    """One operator more in one run is a change at that run."""
    for index in range(6):
        write(
            tmp_path,
            f"r{index}",
            records(CASE, [0.01], metrics={"operators": 7.0 + (index >= 3)}),
            started_utc=f"2026-01-01T00:0{index}:00Z",
        )
    ((_, change),) = history(tmp_path, metrics=["operators"]).changed
    assert (change.shift.at, change.shift.before, change.shift.after) == (3, 7.0, 8.0)


def test_what_cannot_be_read_is_told(tmp_path):
    """A folder that is no run is left out and named; a folder without any run is refused, as are names that are none."""
    results(tmp_path, count=8)
    (tmp_path / "r003" / "run.json").write_text("{", encoding="utf-8")
    found = history(tmp_path, metrics=["step_time_s"])
    assert found.runs == 7
    assert "r003" in found.notes[0]
    with pytest.raises(BadResults, match="holds no run"):
        history(tmp_path / "nowhere", metrics=["step_time_s"])
    with pytest.raises(UnknownName, match="metric 'speed'"):
        history(tmp_path, metrics=["speed"])
    with pytest.raises(UnknownName, match="canary 'x'"):
        history(tmp_path, metrics=["step_time_s"], canary="x")
