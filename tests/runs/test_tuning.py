"""Equal tuning: one space, as many trials for every setting, chosen on validation, halved by a stated rule; and the file that says so."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from rnnbench.analysis.frames import load_run
from rnnbench.case import Case
from rnnbench.errors import BadResults, BadValue, UnknownName, UsageError
from rnnbench.record import Record
from rnnbench.runs.request import Request
from rnnbench.runs.resume import Left, as_before
from rnnbench.runs.tuning import rounds, settings
from rnnbench.runs.tuning.space import Space
from rnnbench.runs.tuning.tuned_file import Tuned, read, write
from rnnbench.tasks import PROBLEMS
from tests.tools import command, run

CASE = Case(suite="convergence", phase="converge", task="parity", seq_len=32, depth=1, hidden_size=4, input_size=1, batch_size=32)
POINT = {"lr": 0.01, "schedule": "cosine", "clip_norm": None}


def test_points_are_distinct_repeatable_and_in_the_space():
    """The same draw gives the same points, another draw others; rates fill every quarter of the logarithmic range."""
    points = Space().points(12, 0)
    assert points == Space().points(12, 0) != Space().points(12, 1)
    assert len({tuple(point.values()) for point in points}) == 12
    assert all(3e-4 <= point["lr"] <= 3e-2 for point in points)
    assert {point["schedule"] for point in points} == {"constant", "cosine"}
    ends = [3e-4 * 100 ** (quarter / 4) for quarter in range(5)]
    assert all(any(low <= point["lr"] <= high for point in points) for low, high in pairwise(ends))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Space((0.01, 0.01), ("cosine",), (None,)), "a space with more than one point"),
        (lambda: Space((0.0, 0.01)), "LOW:HIGH above 0"),
        (lambda: Space(clip_norms=(-1.0,)), "norms above 0"),
        (lambda: Space((0.01, 0.01)).points(5, 0), "at most 4, as the space has no more points"),
        (lambda: rounds.check(1, (0,)), "2 or more"),
        (lambda: rounds.check(4, (0, 1, 0)), "--seeds='0,1,0' is invalid: expected seeds that differ"),
    ],
)
def test_a_space_or_seeds_that_are_no_choice_are_refused(make, told):
    """One point, an impossible range, more trials than points, seeds that repeat: one sentence each."""
    with pytest.raises(BadValue, match=told):
        make()


def test_an_unknown_schedule_is_refused():
    """With those that there are."""
    with pytest.raises(UnknownName, match="choose from: cosine, constant"):
        Space(schedules=("cosin",))


def test_every_setting_gets_the_same_trials():
    """Seeds and suites make no setting of their own; a suite that sets a rate is left alone, with the reason."""
    trials = rounds.Trials(Space().points(4, 0), (1000, 1001), 4)
    cases = [replace(CASE, variant=name, seed=seed) for name in ("lstm", "gru") for seed in range(3)]
    found = trials.applied([*cases, replace(CASE, variant="elman", lr=0.1)])
    assert len(found) == 2 * 4 * 2
    assert {one.max_steps for one in found} == {PROBLEMS["parity"].recipe.max_steps // 4}
    points = {name: {(one.lr, one.schedule, one.clip_norm) for one in found if one.variant == name} for name in ("lstm", "gru")}
    assert points["lstm"] == points["gru"]
    assert list(trials.left_out.values()) == ["its suite sets lr=0.1"]


def test_a_task_without_a_validation_split_is_refused(monkeypatch):
    """Tuning has nothing else to choose on."""
    problem = PROBLEMS["parity"]

    def bare(case):
        data = problem.make(case)
        return replace(data, validation=replace(data.validation, x=data.validation.x[:0], y=data.validation.y[:0]))

    monkeypatch.setattr("rnnbench.tasks.PROBLEMS", {"parity": replace(problem, make=bare)})
    with pytest.raises(UsageError, match="task 'parity' has no validation split"):
        rounds.Trials(Space().points(4, 0), (0,), 4).applied([CASE])


def test_the_best_trial_is_the_least_median_validation_error():
    """Over seeds; a seed that diverged is the largest error, and test figures have no part in it."""
    points = Space().points(3, 0)
    rows = [(0, 0.3, 0.0), (0, 0.3, 0.0), (1, 0.2, 0.9), (1, 0.2, 0.9)]
    cases = [replace(CASE, **points[place], seed=seed) for seed, (place, _, _) in enumerate(rows)]
    records = [
        Record(case=c, status="ok", metrics={"validation_error": e, "test_error": t}) for c, (_, e, t) in zip(cases, rows, strict=True)
    ]
    lost = replace(CASE, **points[2])
    records.append(Record(case=lost, status="diverged"))
    found = rounds.errors(records, {str(case): "x" for case in (*cases, lost)})
    assert [(place["lr"], error) for place, error in rounds.ranked(found, "x", points)] == [
        (points[1]["lr"], 0.2),
        (points[0]["lr"], 0.3),
        (points[2]["lr"], float("inf")),
    ]


def tuned(path, version=None, **more):
    name = settings.setting_of(CASE)
    choice = {**POINT, "validation_error": 0.1, "task_version": version or settings.version_of(CASE)}
    write(path, {"trials": 4, "space": Space().as_dict(), "cases": {name: choice}, **more})
    return path


def test_a_tuning_file_changes_its_own_cases_alone(tmp_path):
    """Every seed of a setting gets its values; another setting, and one whose suite sets a rate, keep theirs."""
    found = read(tuned(tmp_path / "tuned.json"))
    own, other, given = [replace(CASE, seed=3)], replace(CASE, variant="gru"), replace(CASE, lr=0.5)
    cases = found.applied([*own, other, given])
    assert cases == (replace(CASE, seed=3, **POINT), other, given)
    assert found.about(cases)["cases"] == {str(cases[0]): POINT}


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"version": "0" * 16}, UsageError, "another version of the task 'parity' \\(0000000000000000, now "),
        ({"cases": {}}, UsageError, "has no case of this run"),
        ({"trials": None}, BadResults, "not a tuning file"),
        ({"cases": {"x": {**POINT, "lr": "fast", "validation_error": 1, "task_version": ""}}}, BadResults, "not a tuning file"),
    ],
)
def test_a_tuning_file_that_does_not_fit_is_refused(tmp_path, change, error, told):
    """Another version of the task's data, cases of another run, or what is no tuning file: one sentence each."""
    with pytest.raises(error, match=told):
        read(tuned(tmp_path / "tuned.json", **change)).applied([CASE])


def test_a_version_is_that_of_what_is_trained_and_chosen_on(monkeypatch):
    """Other training examples are another version; other test examples are not."""
    problem, plain = PROBLEMS["parity"], settings.version_of(CASE)

    def changed(split):
        def make(case):
            data = problem.make(case)
            return replace(data, **{split: replace(getattr(data, split), x=1 - getattr(data, split).x)})

        return {"parity": replace(problem, make=make)}

    for split, same in (("test", True), ("train", False), ("validation", False)):
        monkeypatch.setattr("rnnbench.tasks.PROBLEMS", changed(split))
        assert (settings.version_of(CASE) == plain) is same


def test_the_better_quarter_trains_all_steps(monkeypatch):
    """Of eight trials of 100 steps all train 25 and two go on, which saves half of the steps; the best after all steps is chosen."""
    rounds_seen = []

    def trained(request, trials, watching):
        cases = trials.applied([replace(CASE, max_steps=100)])
        rounds_seen.append([one.max_steps for one in cases])
        late = len(rounds_seen) == 2  # the better of the two after a quarter is the worse in the end
        found = [{"validation_error": (-1 if late else 1) * case.lr, "training_steps": case.max_steps} for case in cases]
        return [Record(case=case, status="ok", metrics=metrics) for case, metrics in zip(cases, found, strict=True)], ["run"]

    monkeypatch.setattr(rounds, "_round", trained)
    space = Space(schedules=("constant",), clip_norms=(None,))
    found = rounds.tune(Request(suites=("x",)), space, 8, (0,), 0, None)
    assert rounds_seen == [[25] * 8, [100] * 2]
    assert found["steps"] == {"trained": 400, "without_halving": 800, "saved_share": 0.5}
    (choice,) = found["cases"].values()
    assert choice["lr"] == sorted(point["lr"] for point in space.points(8, 0))[1]
    assert found["rule"] == "all trials train 1/4 of the steps, the best 2 train all"


def test_a_round_of_tuning_is_not_resumed():
    """Resumed as a run, its trainings would open the test split."""
    left = Left(run(arguments={"tuning": {}}), Path("r"), (), ())
    with pytest.raises(UsageError, match="is a round of tuning, which cannot be resumed"):
        as_before(Request(resume="r"), left)


@pytest.mark.slow
def test_tune_and_run_by_the_command_line(tmp_path):
    """Two trials without a test figure; the run that uses the file says on its record what was tuned."""
    small = ("--set", "task=parity", "--set", "max_steps=25", "--set", "variant=gru", "--set", "hidden_size=4", "--results", "r")
    done = command("tune", "convergence", *small, "--preset", "quick", "--trials", "2", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    file = json.loads((tmp_path / "tuned.json").read_text())
    (choice,) = file["cases"].values()
    for record in load_run(tmp_path / "r" / file["runs"][0]).records:
        assert "test_quality" not in record.metrics
        assert record.absent["test_quality"] == "a tuning trial never opens the test split"
    more = ("--preset", "quick", "--set", "seed=0", "--tuned", "tuned.json", "--no-report", "--json")
    told = command("run", "--suite", "convergence", *small, *more, cwd=tmp_path)
    assert told.code == 0, told.err
    (record,) = load_run(tmp_path / "r" / told.told["run"]).records
    assert record.case.lr == choice["lr"]
    assert any(note.startswith("tuned: 2 trials, lr ") for note in record.notes)


def test_the_file_says_what_was_read(tmp_path):
    """Schema and JSON are checked on reading."""
    path = tmp_path / "x.json"
    path.write_text("{}")
    with pytest.raises(BadResults, match="its schema is None, and a tuning file's is 1"):
        read(path)
    assert isinstance(read(tuned(path)), Tuned)
