"""@task: a user's function that draws examples, timed and learned as any task."""

import pytest
import torch

import rnnbench
from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.errors import BadPlugin, UnknownName
from rnnbench.measure.kinds import workload_of
from rnnbench.measure.learn.converge import converge
from rnnbench.measure.measuring import Measurement, measure_case
from rnnbench.registry import load_file
from rnnbench.tasks import IGNORE, OWN_TASKS, PROBLEMS
from tests.measure.parts import rounds
from tests.tools import ROOT, command

EXAMPLE = ROOT / "docs/examples/my_tasks.py"
SHAPE = {"suite": "test", "depth": 1, "hidden_size": 8, "input_size": 8, "batch_size": 4, "seq_len": 12}
BUDGET = Budget(max_time_s=0.01, precision=0.5, min_rounds=2)


@pytest.fixture(scope="module", autouse=True)
def brackets():
    """The documented example."""
    load_file(EXAMPLE)
    return OWN_TASKS["brackets"]


def measured(**fields):
    case = Case(**{**SHAPE, "task": "brackets", **fields})
    return measure_case(case, BUDGET, rounds(3), make=workload_of(case))


def test_inputs_and_targets_are_drawn_together(brackets):
    """The label of a step follows from the brackets before it."""
    found = brackets.draw(6, 12, torch.Generator().manual_seed(0))
    depth = ((found.x == 1).long() - (found.x == 2).long()).cumsum(1)
    real = found.y != IGNORE
    assert torch.equal(found.y[real] == 1, depth[real] == 0)
    assert found.tokens == int(real.sum())


@pytest.mark.parametrize("phase", ["forward", "backward", "train"])
def test_a_step_counts_real_tokens(phase):
    """Padding is no token; the network has an embedding and a way out, whose FLOPs count."""
    seen = measured(phase=phase)
    tokens = seen.metrics["tokens_per_s"] * seen.metrics["step_time_s"]
    assert 4 * 6 <= tokens < 4 * 12
    assert seen.metrics["step_flops"] > 0


def test_it_is_learned_until_its_target(brackets):
    """The recipe of the example reaches it, and its trivial predictor does not."""
    case = Case(**{**SHAPE, "task": "brackets", "phase": "converge", "hidden_size": 16, "batch_size": 32})
    seen = Measurement()
    converge(case, Budget(max_time_s=1.0, precision=0.5), lambda _clock, training: training(), seen=seen, folder=None)
    assert seen.metrics["target_quality"] == brackets.problem.target
    assert seen.metrics["trivial_quality"] < brackets.problem.target
    assert seen.metrics["test_quality"] > seen.metrics["trivial_quality"]


def test_the_command_line_lists_it(tmp_path):
    """With the first line of its docstring."""
    ended = command("list", "tasks", "--plugin", EXAMPLE, "--json", cwd=tmp_path)
    found = {one["name"]: one["about"] for one in ended.told["tasks"]}
    assert found["brackets"] == "Whether the brackets read so far are balanced."


def test_a_kind_that_is_none_is_refused():
    """With those that there are."""
    with pytest.raises(UnknownName, match="classification"):
        rnnbench.task(kind="labels", outputs=2, target=0.9)


def test_a_kind_without_a_trivial_predictor_asks_for_one():
    """No target stands alone."""
    with pytest.raises(BadPlugin, match="give trivial="):
        rnnbench.task(kind="modelling", outputs=2, target=1.0, name="own_modelling")(lambda count, seq_len, generator: None)
    assert "own_modelling" not in PROBLEMS


@pytest.mark.parametrize(
    ("drawn", "words"),
    [
        (None, "drew NoneType"),
        ((torch.ones(2, 3), torch.ones(2)), r"wanted x \(4, 12\[, features\]\)"),
        ((torch.ones(4, 12),), "drew tuple"),
    ],
)
def test_examples_of_the_wrong_shape_are_named(drawn, words):
    """Before a network fails on them in words of its own."""
    name = f"odd_{abs(hash(words))}"
    rnnbench.task(kind="regression", outputs=1, target=0.1, name=name)(lambda count, seq_len, generator: drawn)
    with pytest.raises(ValueError, match=words):
        measured(task=name, phase="forward")


def test_a_predictor_of_ones_own_is_the_trivial_one():
    """Its docstring says what it is, and its quality is what the target has to beat."""

    def zero(train, test):
        """zero, always"""
        return float(test.square().mean())

    def halves(count, seq_len, generator):
        x = torch.ones(count, seq_len, 2)
        return x, x[:, -1, :1] / 2

    rnnbench.task(kind="regression", outputs=1, target=0.01, trivial=zero, sizes=(8, 4, 4), name="halves")(halves)
    problem = PROBLEMS["halves"]
    assert problem.trivial == "zero, always"
    assert problem.make(Case(**{**SHAPE, "task": "halves", "phase": "converge"})).trivial == pytest.approx(0.25)
