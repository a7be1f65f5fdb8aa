"""Two runs in one report: the gate's verdict stands first, and nothing that was not compared is kept quiet."""

from dataclasses import replace

import pytest

from rnnbench.analysis.frames import Loaded
from rnnbench.gate.duet import judged, stated
from rnnbench.gate.policy import Policy
from rnnbench.gate.statistics.sequential import LookPlan
from rnnbench.gate.verdict import Finding
from rnnbench.record import Run
from rnnbench.reports.content import content
from rnnbench.reports.forms.page import render
from rnnbench.reports.topics.comparison import Difference
from rnnbench.reports.topics.comparison_headline import _speed
from tests.gate.sides import CASE
from tests.gate.test_sequential import POLICY, Simulated
from tests.reports import factory

GRID = factory.cases("depth", variant=("lstm", "gru"), depth=(1, 2))


def measured(name: str, processes: int = 8, slower: float = 1.0, **more) -> Run:
    """A run of several processes a case, its grus slowed down."""
    step = lambda case: factory.step_s(case) * (slower if case.variant == "gru" else 1)  # noqa: E731
    records = [factory.record(case, process=process, step=step, rounds=12) for case in GRID for process in range(processes)]
    return factory.run(records, id=name, **more)


def held(base: Run, candidate: Run) -> Difference:
    (one,) = content([Loaded(base), Loaded(candidate)], Policy()).differences
    return one


def test_a_regression_is_the_headline():
    """What surely got slower is said first, with its size, and the page's banner is red."""
    one = held(measured("base"), measured("new", slower=1.1))
    assert one.tone == "bad"
    assert one.headline.striptags().startswith("Regression: 2 of 24 figures got worse, in 2 cases; at most, gru, ")
    assert one.changed is not None
    assert [row[0].text for row in one.changed.rows] == ["gru, 1 layer", "gru, 2 layers"]
    assert one.changed.rows[0][3].text == "+10.0 %"


def test_an_improvement_is_good():
    """What surely got faster is good news."""
    one = held(measured("base"), measured("new", slower=0.9))
    assert (one.tone, one.headline.striptags()[:7]) == ("good", "Improve")


def test_no_change_is_an_answer():
    """Equal runs are told to be equal, and the table of changes is left out."""
    one = held(measured("base"), replace(measured("new"), commit={"hash": "other"}))
    assert one.headline.striptags().startswith("No relevant difference: all 24 figures are within")
    assert one.changed is None
    assert one.differences == {"commit": ("1014eb1c0f", "other")}


def test_one_process_decides_nothing():
    """A single process a side is no evidence; the size of the change is drawn, hollow, and the way on is told."""
    one = held(measured("base", 1), measured("new", 1, slower=1.1))
    assert one.tone == "open"
    assert "--processes 10" in one.advice
    assert [(group.verdict, group.count) for group in one.undecided] == [("inconclusive", 4)]
    assert one.panel is not None
    assert "hollow: not decided" in dict(one.panel.legend)


def test_what_is_on_one_side_is_told():
    """Cases of one run alone are counted, not dropped; so is another machine."""
    base, other = measured("base"), measured("new", machine={**factory.MACHINE, "cpu": {"model": "another"}})
    one = held(base, replace(other, records=[record for record in other.records if record.case.depth == 1]))
    assert {(group.verdict, group.count) for group in one.undecided} == {("missing", 2), ("incompatible", 2)}
    assert "cpu.model" in (one.differences or {})


def test_nothing_in_common():
    """Runs without a case in common still make a page, which says so."""
    other = factory.run([factory.record(case) for case in factory.cases("length", seq_len=(32, 64))], id="other")
    assert "Nothing to compare" in render([Loaded(measured("base", 1)), Loaded(other)])


def test_every_further_run_is_held_against_the_first():
    """Three runs make two comparisons."""
    found = content([Loaded(measured(name, 1)) for name in ("one", "two", "three")]).differences
    assert [one.ids for one in found] == [("one", "two"), ("one", "three")]


def settings(precision: str, faster: float = 1.0) -> Run:
    """A run at one precision, in eight processes."""
    grid = factory.cases("depth", precision=(precision,), depth=(1,))
    step = lambda case: 1e-3 / faster  # noqa: E731
    records = []
    for case in grid:
        for process in range(8):
            one = factory.record(case, process=process, step=step, rounds=12, noise=0.002)
            share = 0.64 if precision == "bf16" else 1.0
            records.append(replace(one, metrics={**one.metrics, "activation_bytes": 1000 * share, "operators": 41 / share}))
    return factory.run(records, id=f"run-{precision}", arguments={"preset": "quick", "set": [f"precision={precision}"]})


def test_two_settings_are_a_gain_and_a_cost():
    """Runs at two precisions are matched case by case: the headline says how much faster and how much less memory, and the title names
    the settings, not the runs."""
    one = held(settings("fp32"), settings("bf16", 1.5))
    assert (one.candidate, one.base) == ("bf16", "fp32")
    headline = one.headline.striptags()
    assert headline.startswith("bf16 trains 1.50× faster than fp32 and uses 36 % less activation memory (8 processes per side, ")
    assert one.tone == "good"
    assert (one.differences or {})["precision"] == ("fp32", "bf16")
    assert (one.differences or {})["set"] == ("precision=fp32", "precision=bf16")


def test_exact_figures_of_two_settings_are_differences():
    """More operators at another precision is a difference; nothing regressed."""
    one = held(settings("fp32"), settings("bf16", 1.5))
    assert "regressed" not in [verdict for verdict, _, _ in one.counts]
    assert one.changed is not None
    rows = {row[1].text: row[2].text for row in one.changed.rows}
    assert rows["operators"] == rows["activation memory"] == "changed"


def test_a_slower_setting_is_worse_not_a_regression():
    """A setting that is slower by design reads as slower."""
    one = held(settings("fp32"), settings("bf16", 0.5))
    assert one.headline.striptags().startswith("bf16 trains 2.00× slower than fp32")
    assert "worse" in [verdict for verdict, _, _ in one.counts]


@pytest.mark.parametrize("slow", [0.7, 1.0, 1.1])
def test_a_page_of_a_duets_runs_says_what_the_duet_said(slow):
    """Two forms in turn, one with twice the operators: the page's verdict on the time is the duet's, from the same pairs, and the
    operators differ by design, for better or worse."""
    playing = Simulated([CASE], lambda *_: slow)
    plan, policy = LookPlan(), replace(POLICY, min_effect=0.03)
    found = judged(playing, plan, policy, lambda _: None)
    runs = []
    for side, (one, form) in enumerate(zip(playing.runs(), ("fused", "loop"), strict=True)):
        records = [
            replace(
                record, case=replace(record.case, implementation=form), metrics={**record.metrics, "operators": 41.0 if side == 0 else 82.0}
            )
            for record in one.records
        ]
        told = {**one.arguments["duet"], **stated(plan, policy), "sets": [f"implementation={form}"]}
        runs.append(replace(one, records=records, arguments={"duet": told, "set": [f"implementation={form}"]}))
    page, (duets,) = held(*runs), {one.verdict for one in found.findings if one.metric == "step_time_s"}
    said = {"improved": ("better", "trains 1.43× faster"), "regressed": ("worse", "trains 1.10× slower"), "equivalent": ("", "as fast as")}
    verdict, words = said[duets]
    assert words in page.headline.striptags()
    assert "(10 pairs, " in page.headline.striptags()  # those that confirmed the flag, or the last look; the runs hold 15 of a change
    assert [name for name, _, _ in page.counts if name in ("better", "worse", "improved", "regressed")] == ([verdict] if verdict else [])
    assert [count for name, count, _ in page.counts if name == "changed"] == [1]


def test_a_mixed_answer_reads_as_a_sentence():
    """Faster in some cases and slower in others: both counts, of how many, and the ends; ends that are all but 1 are left out."""

    def told(**verdicts: float) -> str:
        times = [
            Finding(case=f"depth/{name}-train-L1", verdict=name, metric="step_time_s", ratio=ratio, processes=(10, 10))
            for name, ratio in verdicts.items()
        ]
        return str(_speed(times, ("fp32", "bf16")).striptags())

    mixed = told(improved=0.5, regressed=1.2, equivalent=1.0, inconclusive=0.99)
    assert mixed.startswith("Compared with fp32, bf16 is faster in 1, slower in 1 and as fast in 1 of 4 cases (1 inconclusive): ")
    assert mixed.endswith("from 2.00× faster to 1.20× slower")
    assert told(equivalent=1.001, inconclusive=0.998) == "Compared with fp32, bf16 is as fast in 1 of 2 cases (1 inconclusive)"
