"""Several processes against one: efficiency from made runs, and what a report says of it."""

import pytest

from rnnbench.analysis.efficiency import shared
from rnnbench.analysis.frames import Loaded, by_case, frame
from rnnbench.reports.content import views
from rnnbench.reports.forms.page import render
from rnnbench.reports.topics.order import sentences
from tests.reports.factory import cases, record, run

SIZES = {"hidden_size": (64,), "batch_size": (8,), "seq_len": (16,), "depth": (2,)}
STEP_S = {(1, "strong"): 0.1, (2, "strong"): 0.0625, (4, "strong"): 0.05, (2, "weak"): 0.125, (4, "weak"): 0.16}


def made(threads=1.0, **more):
    """A run with these step times; a quarter of a shared step is communication."""
    rows = []
    for case in [one for one in cases("scaling", processes=(1, 2, 4), scaling=("strong", "weak"), **SIZES) if _key(one) in STEP_S]:
        step_s = STEP_S[_key(case)]
        together = case.batch_size * (case.processes if case.scaling == "weak" else 1)
        one = record(case, step=lambda _, step_s=step_s: step_s, noise=0.0)
        talk = {"communication_share": 0.25, "communication_s": step_s / 4} if case.processes > 1 else {}
        metrics = {**one.metrics, **talk, "step_time_s": step_s, "tokens_per_s": together * case.seq_len / step_s, "threads": threads}
        rows.append(record(case, step=lambda _, step_s=step_s: step_s, noise=0.0, metrics=metrics))
    return run(rows, **more)


def _key(case):
    return case.processes, case.scaling


def test_efficiency_is_against_one_process():
    """Strong: a speed-up of 1.6 on two processes is 80 %. Weak: steps of 1.25 the time are 80 %. Intervals hold it."""
    found = {(one.processes, one.scaling): one for one in shared(by_case(frame([made()])))}
    wanted = {(2, "strong"): 0.8, (4, "strong"): 0.5, (2, "weak"): 0.8, (4, "weak"): 0.625}
    assert {key: one.efficiency for key, one in found.items()} == pytest.approx(wanted)
    assert found[2, "strong"].speedup == pytest.approx(1.6)
    assert all(one.low <= one.efficiency <= one.high for one in found.values())
    assert {one.communication for one in found.values()} == {0.25}


def test_unlike_cases_are_not_held_against_each_other():
    """Another number of threads, another run or another size is no measure of efficiency."""
    alone, others = made(), made(threads=2.0)
    few = tuple(one for one in alone.records if one.case.processes == 1)
    mixed = run([*few, *(one for one in others.records if one.case.processes > 1)])
    assert not list(shared(by_case(frame([mixed]))))
    apart = [run(list(few)), run([one for one in alone.records if one.case.processes > 1], id="20260301T140300Z-scaling-c3d4")]
    assert not list(shared(by_case(frame(apart))))


def test_the_report_says_it():
    """The answer opens with the most processes, and the page has a table and pictures of it."""
    whole = made()
    (view,) = views([whole])
    said = " ".join(one.text for one in sentences(view))
    assert "Under strong scaling, 4 processes train lstm 2.00× faster than one, in tokens per second: 50 % efficiency" in said
    assert "communication takes 25 % of a step" in said
    page = render([Loaded(whole)])
    assert "Several processes against one" in page
    assert "share of communication" in page
