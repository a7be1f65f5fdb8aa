"""Building blocks of every attention family: heads, the dense reference, and the pre-norm block around an attention pattern."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.variants._costs import inputs_of
from rnnbench.variants._decode import Streaming, streaming
from rnnbench.variants._deep import directed
from rnnbench.variants._memory import Memory
from rnnbench.variants._product import linear

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries, keys and values (batch, heads, seq_len, size) → the attention output, of the same shape."""
Readings = Callable[[int, torch.device], Tensor]
"""seq_len → which keys each query sees: bool (seq_len, seq_len)."""
WAYS = ("loop", "fused")
HEAD = 64  # features per head, if hidden_size is a multiple
MLP = 4  # inner width of the MLP, in hidden sizes


class Affine(nn.Linear):
    """torch's Linear with the device's fastest matrix product."""

    def forward(self, x: Tensor) -> Tensor:
        """(…, inputs) → (…, outputs)."""
        return linear(x, self.weight, self.bias)


@dataclass(frozen=True)
class Pattern:
    """An attention pattern: `visible` defines it, `fused` is its fast implementation."""

    visible: Readings
    fused: Attend
    memory: Memory | None = None

    def way(self, case: Case) -> Attend:
        """The attention function of the case's implementation."""
        return self.fused if case.implementation == "fused" else self.dense

    def dense(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The reference: all scores, with invisible keys masked. Quadratic in seq_len."""
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        shares = scores.masked_fill(~self.visible(q.shape[-2], q.device), -torch.inf).softmax(-1)
        return torch.matmul(shares, v)


def heads_of(features: int) -> int:
    """The number of heads: the largest divisor of `features` that is at most features / 64, and at least 1."""
    return next(count for count in range(max(1, features // HEAD), 0, -1) if features % count == 0)


class Heads(nn.Module):
    """Self-attention: (seq_len, batch, features) → (seq_len, batch, features). `memory` is what decoding keeps of earlier steps."""

    def __init__(self, features: int, attend: Attend, memory: Memory | None = None) -> None:
        super().__init__()
        self.heads = heads_of(features)
        self.qkv, self.out = Affine(features, 3 * features), Affine(features, features)
        self.attend = attend
        self.memory = memory

    def stream(self, name: str) -> Streaming:
        """Step-by-step decoding. Raises Unsupported if the pattern has no `memory`."""
        if self.memory is None:
            raise Unsupported(f"{name} has no step-by-step form: the package that it comes from has none")
        return HeadStream(self, self.memory)

    def forward(self, x: Tensor) -> Tensor:
        """The outputs of all heads, mixed by a linear layer."""
        steps, batch, features = x.shape
        q, k, v = self.qkv(x).view(steps, batch, 3, self.heads, -1).permute(2, 1, 3, 0, 4)
        read = self.attend(q, k, v)
        return cast("Tensor", self.out(read.permute(2, 0, 1, 3).reshape(steps, batch, features)))


class Block(nn.Module):
    """x + mix(norm x), then x + MLP(norm x), after a projection if sizes differ. No positions are added: their cost is negligible.

    (seq_len, batch, inputs) → (seq_len, batch, hidden).
    """

    def __init__(self, case: Case, mix: nn.Module) -> None:
        super().__init__()
        inputs, hidden = case.input_size, case.hidden_size
        self.enter = nn.Identity() if inputs == hidden else Affine(inputs, hidden)
        self.before_mix, self.mix = nn.LayerNorm(hidden), mix
        self.before_mlp, self.up, self.down = nn.LayerNorm(hidden), Affine(hidden, MLP * hidden), Affine(MLP * hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """The whole sequence."""
        x = self.enter(x)
        return self.add_mlp(x + self.mix(self.before_mix(x)))

    def add_mlp(self, x: Tensor) -> Tensor:
        """x + MLP(norm x), step by step."""
        return cast("Tensor", x + self.down(gelu(self.up(self.before_mlp(x)))))

    def stream(self, name: str) -> Streaming:
        """One step at a time."""
        return BlockStream(self, streaming(self.mix, name))


class HeadStream:
    """Step-by-step decoding of `Heads`: (batch, features) per step."""

    def __init__(self, heads: Heads, memory: Memory) -> None:
        self._heads, self._memory = heads, memory

    def begin(self, batch_size: int) -> Any:
        """The memory before the first step."""
        weight = self._heads.qkv.weight
        return self._memory.begin(weight, (batch_size, self._heads.heads, weight.shape[1] // self._heads.heads))

    def advance(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The attention output of this step over itself and earlier steps, and the new memory."""
        q, k, v = self._heads.qkv(x).view(len(x), 3, self._heads.heads, 1, -1).unbind(1)
        read, state = self._memory.read(q, k, v, state)
        return self._heads.out(read.flatten(1)), state


class BlockStream:
    """Step-by-step decoding of `Block`."""

    def __init__(self, block: Block, mix: Streaming) -> None:
        self._block, self._mix = block, mix

    def begin(self, batch_size: int) -> Any:
        """The state of the mixing module."""
        return self._mix.begin(batch_size)

    def advance(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """(batch, inputs) → (batch, hidden)."""
        x = self._block.enter(x)
        mixed, state = self._mix.advance(self._block.before_mix(x), state)
        return self._block.add_mlp(x + mixed), state


def blocks(case: Case, pattern: Pattern) -> nn.Sequential:
    """`depth` pre-norm blocks with this attention pattern, each with a second block in reverse if the case is bidirectional."""
    return directed(case, lambda one: Block(one, Heads(one.hidden_size, pattern.way(case), pattern.memory)))


def all_keys(case: Case) -> int:
    """Numbers that decoding keeps at the end of a sequence if steps may read any earlier one: every key and value of `blocks`."""
    return 2 * case.depth * case.hidden_size * case.seq_len


def parameters(case: Case) -> int:
    """Number of weights of `blocks`."""
    hidden, ways = case.hidden_size, 2 if case.bidirectional else 1
    entered = sum(0 if inputs == hidden else (inputs + 1) * hidden for inputs in inputs_of(case))
    return ways * (entered + case.depth * ((4 + 2 * MLP) * hidden**2 + (9 + MLP) * hidden))


def flops(pairs: Callable[[Case], int]) -> Callable[[Case], int]:
    """A formula for the FLOPs of `blocks`' products. `pairs(case)` counts the visible pairs of query and key in one sequence."""

    def formula(case: Case) -> int:
        hidden, ways = case.hidden_size, 2 if case.bidirectional else 1
        entered = sum(0 if inputs == hidden else inputs * hidden for inputs in inputs_of(case))
        per_token = entered + case.depth * (4 + 2 * MLP) * hidden**2
        return 2 * ways * case.batch_size * (case.seq_len * per_token + case.depth * 2 * pairs(case) * hidden)

    return formula


def causal(seq_len: int, device: torch.device) -> Tensor:
    """Each position and all before it."""
    return torch.ones(seq_len, seq_len, dtype=torch.bool, device=device).tril()


def in_blocks(x: Tensor, block: int) -> Tensor:
    """(batch, heads, seq_len, size) → (batch · heads, seq_len up to a multiple of the block, size), zeros at the end."""
    return pad(x, (0, 0, 0, -x.shape[-2] % block)).flatten(0, 1)


def out_of_blocks(out: Tensor, like: Tensor) -> Tensor:
    """(batch · heads, seq_len and padding, size) → the shape of `like`."""
    return out.view(*like.shape[:2], *out.shape[1:])[..., : like.shape[-2], :]
