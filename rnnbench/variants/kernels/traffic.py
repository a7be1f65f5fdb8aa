"""Bytes moved and launches of the kernels, and the lower bound for linear recurrences: formulas of a layer's shape. No torch, no Triton.

A linear recurrence is one launch per direction. A network with a product at each step has a product and a kernel per step and direction.
The lower bound reads each input of a pass once and writes each output once. The inputs of a backward pass are those of the forward pass,
the kept states, and the gradient of the output; its outputs are the gradients of the inputs.
"""

from dataclasses import dataclass

FP32_BYTES = 4  # of weights, and of each sequence's share of their gradients


@dataclass(frozen=True, slots=True)
class Pass:
    """Numbers per time step, sequence and channel; `weights` per channel. `extra` numbers are stored for the backward pass."""

    loaded: int
    stored: int
    extra: int = 0
    weights: int = 0
    shares: int = 0  # gradients of weights: the kernel sums over time, torch over the batch

    def bytes_moved(self, steps: int, batch: int, size: int, item_bytes: int) -> int:
        """Bytes loaded and stored by one launch, for activations of `item_bytes` and weights in fp32."""
        per_number = (self.loaded + self.stored + self.extra) * item_bytes
        return batch * size * (steps * per_number + (self.weights + self.shares) * FP32_BYTES)

    def least_bytes(self, steps: int, batch: int, size: int, item_bytes: int) -> int:
        """Bytes if each input is read once and each output written once."""
        weights = (self.weights + self.shares) * FP32_BYTES
        return size * (steps * batch * (self.loaded + self.stored) * item_bytes + weights)


@dataclass(frozen=True, slots=True)
class Step:
    """Numbers per sequence and channel that the kernel of one time step loads and stores: activations, states in fp32, weights."""

    low: int
    states: int
    weights: int = 0

    def bytes_moved(self, batch: int, size: int, item_bytes: int) -> int:
        """Bytes loaded and stored by one launch."""
        return batch * size * (self.low * item_bytes + (self.states + self.weights) * FP32_BYTES)


FORWARD = {
    "min_gru": Pass(loaded=2, stored=1),
    "min_lstm": Pass(loaded=3, stored=1),
    "qrnn": Pass(loaded=3, stored=1, extra=1),
    "rg_lru": Pass(loaded=3, stored=1, weights=1),
    "sru": Pass(loaded=4, stored=1, extra=1, weights=4),
}
BACKWARD = {
    "min_gru": Pass(loaded=4, stored=2),
    "min_lstm": Pass(loaded=5, stored=3),
    "qrnn": Pass(loaded=5, stored=3),
    "rg_lru": Pass(loaded=5, stored=3, weights=1, shares=1),
    "sru": Pass(loaded=6, stored=4, weights=4, shares=4),
}
STEP_FORWARD = {
    "ln_lstm": Step(low=5, states=2, weights=2),
    "ln_lstm_gates": Step(low=9, states=2, weights=6),
    "slstm": Step(low=5, states=6),
}
STEP_BACKWARD = {
    "ln_lstm": Step(low=9, states=7, weights=1),
    "ln_lstm_gates": Step(low=17, states=15, weights=10),
    "slstm": Step(low=9, states=7),
}
STEP_LAUNCHES = 2  # per step and direction: the product with the state, and the kernel
