"""The test split is sealed: a training has no way to it before its end, it is opened once, and tuning never opens it."""

import gc
import types
from dataclasses import replace

import pytest
import torch

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.measure.learn import converge as training
from rnnbench.measure.learn.sealed import Sealed, SealedTest, sealed
from rnnbench.measure.measuring import Measurement
from rnnbench.tasks import PROBLEMS

CASE = Case(
    suite="test", phase="converge", task="parity", seq_len=32, depth=1, hidden_size=4, input_size=1, batch_size=32, max_steps=25, seed=1
)
_ASIDE = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.FrameType, type)


def train(**more):
    seen = Measurement()
    training.converge(CASE, Budget.of("quick"), lambda _, run: run(), seen=seen, **more)
    return seen


def reachable(one):
    """Every object that can be reached from it without going through code."""
    found, left = {}, [one]
    while left:
        each = left.pop()
        if id(each) not in found and not isinstance(each, _ASIDE):
            found[id(each)] = each
            left += gc.get_referents(each)
    return found.values()


def test_the_seal_opens_once_and_after_the_end():
    """Too early and a second time both raise; between them the split and the trivial predictor's quality come out."""
    data = PROBLEMS["parity"].make(CASE)
    practice, test = sealed(data)
    assert not hasattr(practice, "test")
    before, after = (types.SimpleNamespace(ended=ended) for ended in (False, True))
    with pytest.raises(Sealed, match="stays sealed until the training has ended"):
        test.open(before)
    assert test.open(after) == (data.test, data.trivial)
    with pytest.raises(Sealed, match="opened before"):
        test.open(after)


def test_a_training_cannot_reach_the_test_split(monkeypatch):
    """Nothing that can be reached from a training, at any look at its validation split, is the test split, its tensors, or its seal."""
    make, held = PROBLEMS["parity"].make, []
    problem = replace(PROBLEMS["parity"], make=lambda case: held.append(make(case)) or held[-1])
    monkeypatch.setattr(training, "PROBLEMS", {"parity": problem})
    note, looks = training.Training._note, []

    def noted(self, *words):
        objects = list(reachable(self))
        storages = {one.data_ptr() for one in objects if isinstance(one, torch.Tensor)}
        looks.append((self.ended, any(isinstance(one, SealedTest) for one in objects), held[0].test.x.data_ptr() in storages))
        assert held[0].validation.x.data_ptr() in storages
        note(self, *words)

    monkeypatch.setattr(training.Training, "_note", noted)
    metrics = train().metrics
    assert looks == [(False, False, False)]
    assert 0 <= metrics["test_quality"] <= 1


def test_what_is_chosen_does_not_depend_on_the_test_split(monkeypatch):
    """With other test examples, the curve, the best weights' validation error and the steps to the target are the same to the last bit."""
    first = train()
    make = PROBLEMS["parity"].make

    def other(case):
        data = make(case)
        return replace(data, test=replace(data.test, y=1 - data.test.y))

    monkeypatch.setattr(training, "PROBLEMS", {"parity": replace(PROBLEMS["parity"], make=other)})
    second = train()
    assert [(step, loss, quality) for step, _, loss, quality in first.curve] == [
        (step, loss, quality) for step, _, loss, quality in second.curve
    ]
    assert first.metrics["validation_error"] == second.metrics["validation_error"]
    assert first.metrics["test_error"] != second.metrics["test_error"]


def test_a_tuning_trial_is_never_tested(monkeypatch):
    """It has a validation error, and no figure of the test split, with the reason."""
    monkeypatch.setattr(SealedTest, "open", lambda *_: pytest.fail("opened"))
    seen = train(trial=True)
    assert "validation_error" in seen.metrics
    for name in ("test_quality", "test_error", "trivial_quality"):
        assert name not in seen.metrics
        assert seen.absent[name] == "a tuning trial never opens the test split"
