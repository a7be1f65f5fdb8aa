"""The ranking behind an answer: limits first, then the figure; duels and fresh seeds decide; sentences say what was found."""

import pytest

from rnnbench.choosing.conclusion import answer
from rnnbench.choosing.goals import GOALS, axis_of, goal, joined_sets
from rnnbench.choosing.ranking import Duel, after_duels, candidates, finalists, names
from rnnbench.choosing.stages import Chosen
from rnnbench.choosing.state import State
from rnnbench.errors import UnknownName, UsageError
from rnnbench.gate.requirements import parse
from rnnbench.reports.forms.choice_page import choice_page
from rnnbench.runs import catalog
from tests.tools import record, run, small_case

FAST = GOALS["train-fast"]
FORECAST = GOALS["forecast"]


def measured(variant: str, seconds: float, **fields):
    return record(small_case(variant=variant), times_s=(seconds,) * 40, metrics={"step_time_s": seconds}, **fields)


def trained(variant: str, error: float, seed: int):
    metrics = {"test_error": error, "test_quality": error, "trivial_quality": 1.0, "training_steps": 10.0, "training_s": 1.0 + seed}
    return record(small_case(variant=variant, phase="converge", seed=seed), times_s=(), metrics=metrics)


def concluded(tmp_path, records, *, of=FAST, duels=(), require=(), **state):
    """The answer of a choice that left these records."""
    requirements = parse(require)
    ranked = candidates(records, of, requirements)
    held = State("choose-1", tmp_path, {"goal": of.name}, duels=list(duels), finalists=[one.id for one in finalists(ranked)], **state)
    chosen = Chosen(after_duels(ranked, duels), names([one.case for one in ranked]), [run(records=tuple(records))])
    return answer(of, chosen, held, requirements, f"rnnbench choose {of.name}")


def test_every_goal_names_a_suite_and_its_axes():
    """The suite of each goal exists, and takes its defaults."""
    for one in GOALS.values():
        assert catalog.find(one.suite).suite.name == one.suite
    with pytest.raises(UnknownName, match="unknown goal 'fast'; choose from"):
        goal("fast")


def test_the_users_overrides_replace_defaults_axis_by_axis():
    """An axis that the user sets keeps no default."""
    assert joined_sets(("a=1", "b=2"), ("b=3",)) == ("a=1", "b=3")
    assert axis_of(" depth = 2") == "depth"


def test_limits_come_before_speed_and_failures_last():
    """The fastest that misses a limit ranks behind a slower one that meets it; what failed ranks last."""
    records = [measured("lstm", 0.1), measured("gru", 0.2), record(small_case(variant="elman"), status="oom", reason="too large")]
    ranked = candidates(records, FAST, parse(["step_time_s > 0.15"]))
    assert [one.case.variant for one in ranked] == ["gru", "lstm", "elman"]
    assert [one.case.variant for one in finalists(ranked)] == ["gru"]


def test_finalists_are_the_leader_and_what_is_near():
    """What is more than 1.5× behind is not measured again, and three at most are."""
    records = [measured(name, s) for name, s in {"lstm": 0.1, "gru": 0.14, "elman": 0.2, "sru": 0.11, "qrnn": 0.12}.items()]
    assert [one.case.variant for one in finalists(candidates(records, FAST, ()))] == ["lstm", "sru", "qrnn"]


def test_an_answer_says_what_to_take_and_how_sure(tmp_path):
    """A finalist that wins its duel is recommended, with the duel's interval."""
    records = [measured("lstm", 0.1), measured("gru", 0.11)]
    first, second = (str(one.case) for one in records)
    duel = Duel(first=first, second=second, verdict="improved", ratio=0.8, low=0.75, high=0.85, coverage=0.887, pairs=10)
    found = concluded(tmp_path, records, duels=[duel])
    assert found.take.startswith("Take gru")
    assert "gru beats lstm: lstm has 1.25× the time of a training step, 88.7 % CI 1.18–1.33×" in found.sure[0]
    assert found.exit_code == 0
    assert [row.duel for row in found.rows] == ["won", "leader of the look"]
    page = choice_page(found)
    assert found.take.partition(":")[0] in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("verdict", "end", "word"),
    [
        ("equivalent", "; gru would do as well.", "equal to within 2 %"),
        ("inconclusive", "; not told apart from gru.", "could not be told apart"),
    ],
)
def test_a_tie_is_a_tie(tmp_path, verdict, end, word):
    """Equal within the minimum effect is said of equivalence alone; what a duel left open is said to be open."""
    records = [measured("lstm", 0.1), measured("gru", 0.11)]
    first, second = (str(one.case) for one in records)
    duel = Duel(first=first, second=second, verdict=verdict, ratio=1.0, low=0.99, high=1.01, pairs=20, min_effect=0.02)
    found = concluded(tmp_path, records, duels=[duel])
    assert found.take.endswith(end)
    assert word in found.sure[0]


def test_a_finalist_that_was_never_compared_is_open(tmp_path):
    """Where there was no time for the duel, the answer names whom the leader was not compared with."""
    found = concluded(tmp_path, [measured("lstm", 0.1), measured("gru", 0.11), measured("elman", 0.3)], skipped="time")
    assert found.take.endswith("; not told apart from gru.")
    assert "no time left for a duel" in found.sure[0]


def test_nothing_that_meets_the_limits_ends_with_3(tmp_path):
    """All miss: exit status 3. What other processes disturbed is undecided instead: 4."""
    records = [measured("lstm", 0.1), measured("gru", 0.2)]
    found = concluded(tmp_path, records, require=["step_time_s < 1ms"])
    assert (found.exit_code, found.take.partition(".")[0]) == (3, "None of 2 candidates meets step_time_s < 1ms")
    busy = [measured("lstm", 0.1, notes=("contended: other processes used 1.0 cores",))]
    found = concluded(tmp_path, busy, require=["step_time_s < 1ms"])
    assert found.exit_code == 4
    assert any("Other processes disturbed 1 of 1 candidate" in line for line in found.sure)


def test_trainings_are_told_apart_by_fresh_seeds(tmp_path):
    """Five seeds that all err less win; overlapping ones tie, and the quicker of a tie is named."""
    better = [trained("gru", 0.10 + seed / 100, seed) for seed in range(1, 6)]
    worse = [trained("lstm", 0.18 + seed / 1000, seed) for seed in range(1, 6)]
    found = concluded(tmp_path, [*better, *worse], of=FORECAST)
    assert "gru errs less than lstm beyond seed variation (5 fresh seeds each" in " ".join(found.sure)
    found = concluded(tmp_path, [*better, *(trained("lstm", 0.1 + seed / 90, seed) for seed in range(1, 6))], of=FORECAST)
    assert "could not be told apart beyond seed variation" in " ".join(found.sure)
    assert "trained fastest" in " ".join(found.sure)


def test_a_choice_on_disk_is_read_again(tmp_path):
    """By id, the beginning of one, or latest; an unknown one is refused in a sentence."""
    with pytest.raises(UsageError, match="holds none"):
        State.read("latest", tmp_path)
    state = State.begun(tmp_path, {"goal": "streaming"})
    state.duels.append(Duel(first="a", second="b", verdict="equivalent", runs=("x", "y")))
    state.end("predict")
    assert State.read("latest", tmp_path) == state
    with pytest.raises(UnknownName, match="unknown choice 'nope'"):
        State.read("nope", tmp_path)
    (tmp_path / ".choices" / f"{state.id}.json").write_text("{}")
    with pytest.raises(Exception, match="cannot be read"):
        State.read(state.id, tmp_path)
