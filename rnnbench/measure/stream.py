"""Decoding: a stream read one time step at a time, timed at stated positions.

The cost of a step may depend on how much was read before it, so every timed step is the step at one chosen position. Attention's caches
are moved there and filled. A state of constant size costs the same everywhere and simply continues. If the state of a user's module grows
in its own way, the stream is read up to each position once, before anything is timed.
"""

from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any

from rnnbench.errors import Unsupported
from rnnbench.variants._decode import is_steady, numbers, places, streaming

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rnnbench.case import Case

POSITIONS = {"step_time_at_10_s": 0.1, "step_time_at_50_s": 0.5, "step_time_at_100_s": 1.0}  # shares of seq_len
TIMED_AT = "step_time_at_50_s"  # position of the timed rounds: the median of a cost that grows along the stream
FEWEST, MOST, BUDGET_SHARE = 5, 100, 0.1  # steps at each other position, and the share of the case's budget that they may take


class Stream:
    """The steps of one batch of sequences at a position. x: (seq_len, batch, input_size)."""

    def __init__(self, case: "Case", model: "nn.Module", x: "Tensor") -> None:
        """Read the first steps, without a graph and in the caller's precision. Raises Unsupported if the variant cannot decode."""
        if case.bidirectional:
            raise Unsupported(f"{case.variant} is bidirectional: it cannot decode before the last input")
        self._model = streaming(model, case.variant)
        self._advance = self._model.advance
        self._inputs = x.unbind(0)
        self._turn = self._before = 0
        begin = self._model.begin(case.batch_size)
        self._places = places(begin)
        for one in self._places:
            one.reserve(len(self._inputs))
        self._read: dict[int, Any] = {0: begin}  # states by number of steps read, if they have to be kept
        self._begin = self._last = self._state = self._advance(self._inputs[0], begin)[1]
        self.grows = len(self._inputs) > 1 and not is_steady(self._begin, self._advance(self._inputs[1], self._begin)[1])
        if self.grows:
            self._state = begin
        else:
            self.move(POSITIONS[TIMED_AT])

    def position(self, share: float) -> int:
        """The step at this share of the stream, from 1."""
        return max(1, round(share * len(self._inputs)))

    def move(self, share: float) -> None:
        """Move to this share of the stream. Raises LookupError if the stream could not be read that far."""
        before = self.position(share) - 1
        if self.grows:
            if before not in self._read:
                raise LookupError(f"the budget ended before step {before + 1} of the stream could be read: raise --case-budget")
            self._state = self._read[before]
        self._before = before

    def read(self, is_over: Callable[[], bool]) -> str:
        """For a state that grows in its own way: read the stream up to each position, until `is_over`. Then move to the middle, or as near
        to it as was read, and return a note about that."""
        if not self.grows:
            return ""
        state, at = self._read[0], 0
        for stop in sorted(self.position(share) - 1 for share in POSITIONS.values()):
            while at < stop and not is_over():
                state = self._advance(self._inputs[at], state)[1]
                at += 1
            self._read[at] = state
        middle = self.position(POSITIONS[TIMED_AT]) - 1
        self._before = max(count for count in self._read if count <= middle)
        self._state = self._read[self._before]
        return "" if self._before == middle else f"timed at step {self._before + 1}, as far as the budget let the stream be read"

    def step(self) -> "Tensor":
        """One step: (batch, features)."""
        x = self._inputs[self._turn]
        self._turn = (self._turn + 1) % len(self._inputs)
        for one in self._places:
            one.move(self._before)
        y, self._last = self._advance(x, self._state)
        if not self.grows:
            self._state = self._last if self._turn else self._begin
        return y

    def outputs(self, steps: int) -> "Tensor":
        """The outputs of the first `steps` steps: (steps, batch, features). With caches, only the output of the step in the middle,
        because a compiled step is for one position and would not run compiled at others."""
        import torch

        state, given = self._model.begin(self._inputs[0].shape[0]), []
        if held := places(state):
            for one in held:
                one.reserve(len(self._inputs))
            _, state = self._model.advance(self._inputs[0], state)
            for one in held:
                one.move(self.position(POSITIONS[TIMED_AT]) - 1)
            return self._advance(self._inputs[-1], state)[0].clone()[None]
        for x in self._inputs[:steps]:
            y, state = self._advance(x, state)
            given.append(y.clone())
        return torch.stack(given)

    def compile(self, execution: str) -> None:
        """Compile the step, in the mode of the execution."""
        from rnnbench.measure.execution import made

        self._advance = made(self._model.advance, execution)

    def state_bytes(self) -> int:
        """Storage of the state after the last step, of all sequences."""
        held: dict[int, Any] = {tensor.data_ptr() or id(tensor): tensor for tensor in numbers(self._last)}
        return sum(tensor.nbytes for tensor in held.values())


def times_along(
    stream: Stream, step: Callable[[], None], clock: Callable[[], float], limit_s: float
) -> tuple[dict[str, float], dict[str, str]]:
    """Median step seconds at each position other than that of the rounds, and reasons for absent ones. Takes about `limit_s` in all."""
    found: dict[str, float] = {}
    absent: dict[str, str] = {}
    for name in POSITIONS.keys() - {TIMED_AT}:
        try:
            stream.move(POSITIONS[name])
        except LookupError as error:
            absent[name] = str(error)
            continue
        step()
        times: list[float] = []
        while len(times) < FEWEST or (len(times) < MOST and sum(times) < limit_s * BUDGET_SHARE):
            before = clock()
            step()
            times.append(clock() - before)
        found[name] = median(times)
    return found, absent
