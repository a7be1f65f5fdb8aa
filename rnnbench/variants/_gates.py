"""The pointwise half of hand-written LSTM passes: activations of the gates i, f, g, o, and their derivatives."""

from collections.abc import Iterator

import torch
from torch import Tensor

CACHED_STEPS = 8  # on a CPU: this many steps stay in cache between two passes over them


def activate(pre: Tensor, acts: Tensor, size: int) -> tuple[Tensor, ...]:
    """σ, σ, tanh, σ of pre (batch, 4 · size) into acts, which may be pre itself → views i, f, g, o, each (batch, size)."""
    if pre is not acts:
        acts.copy_(pre)
    two, g, o = acts.split((2 * size, size, size), -1)
    i, f = two.sigmoid_().chunk(2, -1)
    return i, f, g.tanh_(), o.sigmoid_()


def blocks_backwards(steps: int, device: torch.device) -> Iterator[slice]:
    """Slices of time, last to first: short ones on a CPU because of its cache, a single one on devices where each call is a launch."""
    size = CACHED_STEPS if device.type == "cpu" else steps
    for stop in range(steps, 0, -size):
        yield slice(max(0, stop - size), stop)


class Slopes:
    """The factors that do not depend on the incoming gradient, for a slice of steps at once."""

    def __init__(self, acts: Tensor, c: Tensor) -> None:
        """acts: (steps, batch, 4 · size); c: (steps + 1, batch, size), starting with the cell before the slice."""
        steps, batch, size = c[1:].shape
        i, self.forget, g, o = acts.chunk(4, -1)
        tanh_c = c[1:].tanh()
        both = tanh_c * o
        self.to_c = torch.addcmul(o, both, tanh_c, value=-1)  # o (1 − tanh² c)
        self.to_o = torch.addcmul(both, both, o, value=-1)  # tanh c · o (1 − o)
        ig, cf = i * g, c[:-1] * self.forget
        self.to_ifg = torch.empty(steps, batch, 3, size, dtype=c.dtype, device=c.device)
        torch.addcmul(ig, ig, i, value=-1, out=self.to_ifg[:, :, 0])
        torch.addcmul(cf, cf, self.forget, value=-1, out=self.to_ifg[:, :, 1])
        torch.addcmul(i, ig, g, value=-1, out=self.to_ifg[:, :, 2])

    def gates(self, t: int, d_raw: Tensor, d_c: Tensor, d_gates: Tensor) -> None:
        """Backward through step t. d_raw: gradient of σ(o) tanh(c'). d_c: gradient of c' from the next step, overwritten with that of c.
        Fills d_gates."""
        batch, size = d_c.shape
        d_c.addcmul_(d_raw, self.to_c[t])
        wide = d_gates if d_gates.dtype == d_c.dtype else torch.empty_like(d_gates, dtype=d_c.dtype)
        torch.mul(d_c[:, None], self.to_ifg[t], out=wide[:, : 3 * size].view(batch, 3, size))
        torch.mul(d_raw, self.to_o[t], out=wide[:, 3 * size :])
        if wide is not d_gates:
            d_gates.copy_(wide)  # a single copy: mixed formats in one call are slow
        d_c.mul_(self.forget[t])
