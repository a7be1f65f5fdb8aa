"""Operators of a step are counted exactly."""

import pytest
import torch

from rnnbench.measure.probes import operators
from tests.measure.parts import workload


def test_operators_are_counted_below_autograd():
    """A product and a sum are two, one of them in place as well; a view is one more."""
    x = torch.ones(2, 3)

    def step() -> None:
        (x @ x.t()).add_(1)

    assert operators.count(step) == 3


@pytest.mark.parametrize("phase", ["forward", "backward", "train"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_operators_of_a_step_are_the_same_each_time(phase, precision):
    """Every step of a case dispatches as many operators as the one before."""
    with workload(phase=phase, precision=precision) as work:
        work.step()
        assert len({operators.count(work.step) for _ in range(4)}) == 1


def test_a_longer_loop_has_more_operators_and_a_fused_kernel_has_not():
    """A loop in Python dispatches operators for every time step; the fused kernel is one operator for all."""

    def counted(implementation: str, seq_len: int) -> int:
        with workload(phase="forward", implementation=implementation, seq_len=seq_len) as work:
            return operators.count(work.step)

    assert counted("fused", 3) == counted("fused", 9)
    per_step = (counted("loop", 9) - counted("loop", 3)) / 6
    assert per_step == (counted("loop", 15) - counted("loop", 9)) / 6 > 5


def test_the_record_states_the_operators():
    """`weigh` puts the count of one step into the figures."""
    with workload(phase="train") as work:
        work.step()
        metrics: dict[str, float] = {}
        work.weigh(metrics, {})
        assert metrics["operators"] == operators.count(work.step) > 10
