"""What the doctor saw of this machine says how many processes a comparison needs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rnnbench.gate.duet import judged
from rnnbench.gate.noise import DOCTOR_FILE, MOST, noise, smallest, stages
from rnnbench.gate.statistics.evidence import Sample
from rnnbench.gate.statistics.sequential import ALPHA, STAGES, LookPlan
from tests.gate.sides import CASE
from tests.gate.test_sequential import POLICY, QUIET, Simulated, steps


def left(folder, spread: float, count: int = 40, drift: float = 0.0):
    """A doctor's file of equal code whose processes differ by so much; both of a pair share the drift."""
    rng = np.random.default_rng(0)
    shared = rng.normal(0, drift, (count, 1))
    pairs = 0.01 * np.exp(shared + rng.normal(0, spread, (count, 2)))
    (folder / DOCTOR_FILE).write_text(
        json.dumps({"k": {"at_utc": "2026", "pairs": pairs.tolist()}, "old": {"at_utc": "2025", "pairs": []}}), encoding="utf-8"
    )
    return noise(folder)


def test_more_noise_wants_more_processes(tmp_path):
    """Five will do where equal code is alike, more where it is not; the sentence says where the number is from."""
    counts = [left(tmp_path, spread).processes(0.02, 0.01, paired=False) for spread in (0.002, 0.01, 0.02, 0.5)]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (5, MOST)
    seen = left(tmp_path, 0.02)
    assert noise(tmp_path, "k") == seen
    assert noise(tmp_path, "old") is noise(tmp_path, "another") is None
    assert f"{counts[2]} processes a side show a change of 5 % nine times of ten" in seen.sentence(counts[2], paired=False)
    assert "quiet the machine first" in seen.sentence(MOST, paired=False)


def test_more_cases_want_more_processes(tmp_path):
    """The level is shared by all cases, so that a change in one of 48 takes more processes to show than in a single one."""
    known = left(tmp_path, 0.01)
    alone, many = (known.processes(0.02, 0.01, paired=False, cases=cases) for cases in (1, 48))
    assert many > alone
    assert "in one of 48 cases" in known.sentence(many, paired=False, cases=48)


def test_a_drift_that_pairs_share_costs_a_duet_nothing(tmp_path):
    """Pairs need fewer than two runs do where the machine drifts."""
    seen = left(tmp_path, 0.005, drift=0.03)
    assert seen.processes(0.02, 0.01, paired=True) < seen.processes(0.02, 0.01, paired=False)


def test_a_duet_looks_later_on_a_noisy_machine_only(tmp_path):
    """The plan is the usual one without a doctor's word and on a quiet machine; no look comes before five pairs."""
    assert stages(None, 0.02, 0.025) == stages(left(tmp_path, 0.005), 0.02, 0.025) == STAGES
    late = stages(left(tmp_path, 0.05), 0.02, 0.025)
    assert late[-1] > STAGES[-1]
    assert 5 <= late[0] < late[1] < late[2]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"k": 1}', '{"k": {"at_utc": "", "pairs": [[1, 1]]}}', '{"k": {"at_utc": "", "pairs": [[0, "x"]]}}']
)
def test_a_doctor_who_says_nothing_is_none(tmp_path, text):
    """No file, a damaged one, too few pairs: no number, no error."""
    assert noise(tmp_path) is None
    (tmp_path / DOCTOR_FILE).write_text(text, encoding="utf-8")
    assert noise(tmp_path) is None


@pytest.mark.parametrize(("cases", "trial", "repeats"), [(1, 8, 200), (1, 40, 200), (20, 40, 40)])
def test_a_duet_finds_what_the_doctor_says(cases, trial, repeats):
    """A change of the size stated from an earlier trial, planted in one of so many cases, is flagged and confirmed nine times of ten,
    within four standard errors: the looks, the confirmation, and the trial's own luck are all in the statement."""
    luck, found = np.random.default_rng([11, cases, trial]), 0
    names = [replace(CASE, depth=depth) for depth in range(1, cases + 1)]
    for seed in range(repeats):
        pairs = Sample(*luck.normal(0, 0.01, (2, trial)), paired=True)
        size = smallest(pairs.spread, trial, cases, ALPHA)
        playing = Simulated(names, lambda case, _, size=size: 1 + size if case == names[0] else 1.0, cv=0.01, seed=seed)
        found += steps(judged(playing, LookPlan(), POLICY, QUIET))[str(names[0])].verdict == "regressed"
    assert found / repeats == pytest.approx(0.9, abs=4 * np.sqrt(0.9 * 0.1 / repeats))
