"""A network that can be taught: a way in for the task's data, the case's variant, and a way out for its answers."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.measure.network import output_of
from rnnbench.tasks import Data, Problem
from rnnbench.variants import VARIANTS


class Learner(nn.Module):
    """(batch, seq_len, features) of floats or (batch, seq_len) of tokens → (batch, outputs), or (batch, seq_len, outputs) where the
    task asks at each time step. The variant itself sees (seq_len, batch, input_size)."""

    def __init__(self, case: Case, problem: Problem, data: Data) -> None:
        super().__init__()
        self.readout = problem.kind.readout
        if self.readout == "each" and case.bidirectional and not problem.kind.foresees:
            raise Unsupported(f"{problem.name} asks at each time step: a network that reads both ways would see the answers")
        self.embed = _way_in(case, data)
        self.body = VARIANTS[case.variant].module(case)
        with torch.no_grad():
            width = output_of(self.body(torch.zeros(case.seq_len, 1, case.input_size))).shape[-1]
        self.head = nn.Linear(width, data.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Answers in fp32, whatever the precision within."""
        return self.answers(self.hidden(x))

    def hidden(self, x: Tensor) -> Tensor:
        """What the variant gives at each step: (seq_len, batch, width)."""
        return output_of(self.body(self.embed(x).transpose(0, 1)))

    def answers(self, hidden: Tensor) -> Tensor:
        """What the way out makes of it."""
        found: Tensor = self.head(_READOUTS[self.readout](hidden))
        return found.float()


_READOUTS: dict[str, Callable[[Tensor], Tensor]] = {  # (seq_len, batch, features) → what the way out sees
    "last": lambda hidden: hidden[-1],
    "each": lambda hidden: hidden.transpose(0, 1),
}


def _way_in(case: Case, data: Data) -> nn.Module:
    """Tokens are embedded, floats are projected; data that fit go in as they are."""
    if data.vocabulary:
        return nn.Embedding(data.vocabulary, case.input_size)
    return nn.Identity() if data.features == case.input_size else nn.Linear(data.features, case.input_size)
