"""A duet's plan spends its error rate, stops early, confirms its flags: played with simulated processes."""

import time
from dataclasses import replace

import numpy as np
import pytest

from rnnbench.analysis.frames import Loaded
from rnnbench.case import Case
from rnnbench.errors import BadValue
from rnnbench.gate.compare import compare
from rnnbench.gate.duet import judged, stated
from rnnbench.gate.policy import Policy
from rnnbench.gate.side import side_of_run
from rnnbench.gate.statistics.sequential import LookPlan
from tests.gate.sides import CASE, STEP, records
from tests.reports.factory import run

POLICY = Policy(alpha=0.05, only="sampled")
QUIET = lambda _: None  # noqa: E731


class Simulated:
    """What `runs.duet.Duet` is, without processes: `slow(case, pair)` is how much slower B is."""

    def __init__(self, cases: list[Case], slow, *, cv: float = 0.01, seed: int = 0) -> None:
        self.pairs = tuple((case, case) for case in cases)
        self.began_s = time.monotonic()
        self._slow, self._cv, self._luck = slow, cv, np.random.default_rng(seed)
        self._next = dict.fromkeys(self.pairs, 0)
        self._found: tuple[list, list] = ([], [])

    @property
    def processes(self) -> int:
        return sum(map(len, self._found))

    def play(self, pairs, times: int) -> None:
        for pair in pairs:
            for _ in range(times):
                number = self._next[pair]
                self._next[pair] += 1
                both = 0.01 * np.exp(self._luck.normal(0, 0.05))  # drift, common to a pair
                for side, factor in ((0, 1.0), (1, self._slow(pair[1], number))):
                    value = both * factor * np.exp(self._luck.normal(0, self._cv))
                    self._found[side].append(replace(records(pair[side], [value])[0], process=number))

    def played(self, pair) -> int:
        return self._next[pair]

    def runs(self):
        return tuple(
            run(found, id=side, arguments={"duet": {"id": "d", "side": side}}) for side, found in zip("AB", self._found, strict=True)
        )


def steps(found):
    """Verdict and reason of each case's step time."""
    return {finding.case: finding for finding in found.findings if finding.metric == STEP}


def test_the_levels_add_up():
    """What the looks may spend is the whole rate, more of it later; the plan says so in words."""
    plan = LookPlan((5, 10, 20), 0.05)
    levels = [plan.level(look) for look in range(3)]
    assert sum(levels) == pytest.approx(0.05)
    assert levels == sorted(levels)
    assert "interim analyses after 5, 10, 20 pairs at 0.833 %, 1.67 %, 2.5 %; each flag is then confirmed" in plan.sentence()


@pytest.mark.parametrize("stages", [(), (4, 10), (10, 5), (5, 5)])
def test_plans_that_cannot_be_are_refused(stages):
    """Too few pairs, or looks that do not come after each other."""
    with pytest.raises(BadValue, match="rising numbers from 5"):
        LookPlan(stages)


def test_a_large_change_stops_early_and_is_confirmed():
    """Thirty per cent is clear after five pairs; ten fresh ones confirm it, and the figures are theirs."""
    playing = Simulated([CASE], lambda *_: 1.3)
    found = judged(playing, LookPlan(), POLICY, QUIET)
    one = steps(found)[str(CASE)]
    assert (one.verdict, one.failing, found.exit_code) == ("regressed", True, 3)
    assert one.reason == "flagged after 5 pairs, confirmed on 10 fresh ones"
    assert playing.processes == 2 * (5 + 10)
    assert one.processes == (10, 10)


def test_a_flag_that_fresh_pairs_do_not_confirm_is_inconclusive():
    """What slowed B for the first pairs only is no regression."""
    found = judged(Simulated([CASE], lambda _, pair: 1.3 if pair < 5 else 1.0), LookPlan(), POLICY, QUIET)
    one = steps(found)[str(CASE)]
    assert (one.verdict, one.failing, found.exit_code) == ("inconclusive", False, 4)
    assert "not confirmed on 10 fresh ones" in one.reason


def test_decided_cases_play_no_more():
    """Of two cases the one that is equivalent early leaves the other the time."""
    calm, edge = CASE, replace(CASE, depth=2)
    playing = Simulated([calm, edge], lambda case, _: 1.0 if case == calm else 1.02, cv=0.003)
    found = judged(playing, LookPlan(), POLICY, QUIET)
    assert steps(found)[str(calm)].verdict == "equivalent"
    assert steps(found)[str(edge)].verdict == "inconclusive"
    assert playing.played((calm, calm)) < playing.played((edge, edge)) == 20


def test_equal_code_is_not_flagged_and_confirmed():
    """Sixty duets of equal code, noise of 2 %: none ends with a regression."""
    verdicts = [
        steps(judged(Simulated([CASE], lambda *_: 1.0, cv=0.02, seed=seed), LookPlan(), POLICY, QUIET))[str(CASE)].verdict
        for seed in range(60)
    ]
    assert "regressed" not in verdicts


def test_five_per_cent_is_seen():
    """Of forty duets with a planted 5 %, noise of 1.5 %, at least 38 find it within 20 pairs and confirm it."""
    verdicts = [
        steps(judged(Simulated([CASE], lambda *_: 1.05, cv=0.015, seed=seed), LookPlan(), POLICY, QUIET))[str(CASE)].verdict
        for seed in range(40)
    ]
    assert verdicts.count("regressed") >= 38


@pytest.mark.parametrize("slow", [1.0, 1.02, 1.1, 1.3])
def test_a_comparison_of_a_duets_runs_says_what_the_duet_said(slow):
    """The same pairs, plan, level and minimum effect: `compare` and a page find what the duet found, whatever their own policy is."""
    cases = [CASE, replace(CASE, depth=2)]
    playing = Simulated(cases, lambda case, _: slow if case == CASE else 1.0)
    plan, policy = LookPlan(), replace(POLICY, min_effect=0.03)
    found = judged(playing, plan, policy, QUIET)
    a, b = (
        side_of_run(Loaded(replace(one, arguments={"duet": {**one.arguments["duet"], **stated(plan, policy)}}))) for one in playing.runs()
    )
    again = compare(a, b, Policy(only="sampled"))
    assert again.findings == found.findings
    assert (again.exit_code, again.alpha) == (found.exit_code, 0.05)


def test_a_duet_without_a_stated_plan_is_compared_pair_by_pair():
    """Runs from before the plan was written, and plans that state nonsense, are tested over all of their pairs."""
    playing = Simulated([CASE], lambda *_: 1.3)
    judged(playing, LookPlan(), POLICY, QUIET)
    for plan in ({}, {"stages": "soon", "alpha": 0.05}, {"stages": [3], "alpha": 0.05}):
        a, b = (side_of_run(Loaded(replace(one, arguments={"duet": {**one.arguments["duet"], **plan}}))) for one in playing.runs())
        whole = compare(a, b, POLICY)
        assert not any(note.startswith("Plan") for note in whole.notes)
        assert steps(whole)[str(CASE)].processes == (15, 15)


def test_what_interim_analyses_flag_of_many_equal_cases_is_not_confirmed():
    """Forty duets of forty equal cases whose processes are bimodal by 6 %: at most 6 report any change (level 5 %)."""
    cases, wrong = [replace(CASE, depth=depth) for depth in range(1, 41)], 0
    for seed in range(40):
        bimodal = np.random.default_rng([7, seed])
        playing = Simulated(
            cases, lambda *_, bimodal=bimodal: np.exp(0.06 * (bimodal.integers(0, 2) - bimodal.integers(0, 2))), cv=0.002, seed=seed
        )
        found = judged(playing, LookPlan((5, 10)), POLICY, QUIET)
        wrong += any(one.verdict in ("regressed", "improved") for one in found.findings)
    assert wrong <= 6


@pytest.mark.parametrize(("cases", "repeats"), [(1, 120), (20, 30)])
def test_a_duet_finds_what_it_says_it_would_have_shown(cases, repeats):
    """The detectable change that a duet states, planted in another duet, is flagged and confirmed nine times of ten, within four
    standard errors: the statement is of the whole plan, not of one test at its level."""
    names, found = [replace(CASE, depth=depth) for depth in range(1, cases + 1)], 0
    for seed in range(repeats):
        edge = Simulated(names, lambda case, _: 1.02 if case == names[0] else 1.0, seed=seed)
        size = steps(judged(edge, LookPlan(), POLICY, QUIET))[str(names[0])].detectable
        planted = Simulated(names, lambda case, _, size=size: 1 + size if case == names[0] else 1.0, seed=1000 + seed)
        found += steps(judged(planted, LookPlan(), POLICY, QUIET))[str(names[0])].verdict == "regressed"
    assert found / repeats == pytest.approx(0.9, abs=4 * np.sqrt(0.9 * 0.1 / repeats))
