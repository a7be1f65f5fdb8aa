"""Decoding: a stream read one time step at a time, from a state that goes on from step to step."""

from typing import TYPE_CHECKING, Any

from rnnbench.errors import Unsupported
from rnnbench.variants._decode import numbers, streaming

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rnnbench.case import Case


class Stream:
    """The steps of one batch of sequences in turn; after the last the state begins anew. x: (seq_len, batch, input_size)."""

    def __init__(self, case: "Case", model: "nn.Module", x: "Tensor") -> None:
        """Raises Unsupported where the variant cannot."""
        if case.bidirectional:
            raise Unsupported(f"{case.variant} reads both ways: no step can be taken before the last input is there")
        self._model = streaming(model, case.variant)
        self._advance = self._model.advance
        self._inputs = x.unbind(0)
        self._begin = self._state = self._model.begin(case.batch_size)
        self._turn = 0

    def step(self) -> "Tensor":
        """One step: (batch, features)."""
        if self._turn == len(self._inputs):
            self._turn, self._state = 0, self._begin
        y, self._state = self._advance(self._inputs[self._turn], self._state)
        self._turn += 1
        return y

    @property
    def ended(self) -> bool:
        """Whether the next step is the first of a stream begun anew."""
        return self._turn == len(self._inputs)

    def compile(self) -> None:
        """Have the step compiled."""
        import torch

        self._advance = torch.compile(self._model.advance, dynamic=False)

    def state_bytes(self) -> int:
        """Storage of the state now, of all sequences."""
        held: dict[int, Any] = {tensor.data_ptr() or id(tensor): tensor for tensor in numbers(self._state)}
        return sum(tensor.nbytes for tensor in held.values())
