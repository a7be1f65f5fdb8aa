"""A trainable network: an input layer for the task's data, the case's variant, and a read-out."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.measure.learn.sealed import Practice
from rnnbench.measure.network import body_of, output_of
from rnnbench.tasks import Data, Problem
from rnnbench.variants._deep import ways_side_by_side


class Learner(nn.Module):
    """(batch, seq_len, features) of floats or (batch, seq_len) of tokens → (batch, outputs), or (batch, seq_len, outputs) where the
    task asks at each time step. The variant itself sees (seq_len, batch, input_size)."""

    def __init__(self, case: Case, problem: Problem, data: Data | Practice) -> None:
        super().__init__()
        self.readout = problem.kind.readout
        if self.readout == "each" and case.bidirectional and not problem.kind.foresees:
            raise Unsupported(f"{problem.name} expects an answer at each time step: a bidirectional network would see the answers")
        self.embed = _way_in(case, data)
        self.notes: list[str] = []  # what the variant's builder set of torch's globals
        self.body = body_of(case, self.notes)
        with torch.no_grad():
            width = output_of(self.body(torch.zeros(case.seq_len, 1, case.input_size))).shape[-1]
        self.split_at = width // 2 if case.bidirectional and ways_side_by_side(self.body, width, case.hidden_size) else None
        self.head = nn.Linear(width, data.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Answers in fp32, whatever the precision within."""
        return self.answers(self.hidden(x))

    def hidden(self, x: Tensor) -> Tensor:
        """What the variant gives at each step: (seq_len, batch, width)."""
        return output_of(self.body(self.embed(x).transpose(0, 1)))

    def answers(self, hidden: Tensor) -> Tensor:
        """What the way out makes of it."""
        found: Tensor = self.head(_READOUTS[self.readout](hidden, self.split_at))
        return found.float()


def _last(hidden: Tensor, half: int | None) -> Tensor:
    """What each direction gives once it has read the whole sequence: the one backwards has at the first step."""
    return hidden[-1] if half is None else torch.cat((hidden[-1, :, :half], hidden[0, :, half:]), -1)


_READOUTS: dict[str, Callable[[Tensor, int | None], Tensor]] = {  # (seq_len, batch, features) → what the way out sees
    "last": _last,
    "each": lambda hidden, _: hidden.transpose(0, 1),
}


def _way_in(case: Case, data: Data | Practice) -> nn.Module:
    """Tokens are embedded, floats are projected; data that fit go in as they are."""
    if data.vocabulary:
        return nn.Embedding(data.vocabulary, case.input_size)
    return nn.Identity() if data.features == case.input_size else nn.Linear(data.features, case.input_size)
