"""What attention keeps while decoding a stream: all keys and values, the last N of them, or a running sum."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from torch import Tensor, device
from torch.nn.functional import elu, pad, scaled_dot_product_attention

State = Any
Shape = tuple[int, int, int]
FEWEST = 16  # initial capacity of a cache in steps, if the length of the stream is unknown


class Cache:
    """Keys and values so far, in arrays (batch, heads, steps, size) that are allocated once; each step is written in place.

    With a `reach`, only the last `reach` steps are kept, and the newest replaces the oldest: a softmax does not depend on their order.
    `most` is the largest number of steps that will ever be kept.
    """

    def __init__(self, reach: int | None = None, most: int | None = None) -> None:
        self.count = 0
        self._reach, self._most = reach, most
        self._wanted = self._filled = 0
        self._arrays: tuple[Tensor, ...] = ()

    def reserve(self, steps: int) -> None:
        """Allocate the arrays for this many steps when the first step arrives."""
        self._wanted = steps

    def append(self, *new: Tensor) -> tuple[Tensor, ...]:
        """Keep one more step, (batch, heads, 1, size) each; returns all steps that are kept."""
        slot = self.count if self._reach is None else self.count % self._reach
        if not self._arrays or slot >= self._arrays[0].shape[2]:
            self._grow(slot + 1, new)
        for array, one in zip(self._arrays, new, strict=True):
            array[:, :, slot : slot + 1] = one
        self.count += 1
        return self.held()

    def held(self) -> tuple[Tensor, ...]:
        """All steps that are kept now."""
        count = self.count if self._reach is None else min(self.count, self._reach)
        return tuple(array[:, :, :count] for array in self._arrays)

    def move(self, count: int) -> None:
        """Move the stream to the position after `count` steps. Steps that were never written repeat the first one, because their values
        do not affect timing."""
        count = count if self._most is None else min(count, self._most)
        kept, self._filled = self._kept(count), max(self._filled, self._kept(self.count))
        if kept > self._filled and self._arrays:
            if kept > self._arrays[0].shape[2]:
                self._grow(kept, self._arrays)
            for array in self._arrays:
                array[:, :, self._filled : kept] = array[:, :, :1]
            self._filled = kept
        self.count = count

    def _kept(self, count: int) -> int:
        """Number of steps kept after `count` steps were read."""
        return count if self._reach is None else min(count, self._reach)

    def _grow(self, steps: int, like: tuple[Tensor, ...]) -> None:
        """Double the capacity, or more if `steps` needs it."""
        size = max(steps, self._wanted, FEWEST, 2 * self._arrays[0].shape[2] if self._arrays else 0)
        size = min([size, *(limit for limit in (self._reach, self._most) if limit is not None)])
        grown = tuple(one.new_empty(*one.shape[:2], size, one.shape[3]) for one in like)
        written = max(self._filled, self._kept(self.count))
        for old, new in zip(self._arrays, grown, strict=False):
            new[:, :, :written] = old[:, :, :written]
        self._arrays = grown


class Place:
    """The number of steps read, for a network that changes its behaviour at some step."""

    def __init__(self) -> None:
        self.count = 0

    def reserve(self, steps: int) -> None:
        """No effect: a number needs no memory."""

    def held(self) -> tuple[Tensor, ...]:
        """Empty: there is no tensor."""
        return ()

    def move(self, count: int) -> None:
        """Move the stream to the position after `count` steps."""
        self.count = count


class Memory(Protocol):
    """Shapes are (batch, heads, steps, size of a head)."""

    def begin(self, like: Tensor, shape: Shape) -> State:
        """The state before the first step, for (batch, heads, size)."""

    def read(self, q: Tensor, k: Tensor, v: Tensor, state: State) -> tuple[Tensor, State]:
        """The attention output for a step's query, after its own key and value were added to the state."""


class Keys:
    """The last `reach` keys and values, or all."""

    def __init__(self, reach: int | None = None) -> None:
        self._reach = reach

    def begin(self, like: Tensor, shape: Shape) -> Cache:
        """An empty cache."""
        del like, shape
        return Cache(self._reach)

    def read(self, q: Tensor, k: Tensor, v: Tensor, state: Cache) -> tuple[Tensor, Cache]:
        """A softmax over the keys."""
        keys, values = state.append(k, v)
        return scaled_dot_product_attention(q, keys, values), state


class Chosen:
    """All keys and values, because later steps may read any of them. `choose(step, device)` gives the positions that a query reads."""

    def __init__(self, choose: Callable[[int, device], Tensor]) -> None:
        self._choose = lru_cache(maxsize=None)(choose)  # the same in every layer and every new stream

    def begin(self, like: Tensor, shape: Shape) -> Cache:
        """An empty cache."""
        del like, shape
        return Cache()

    def read(self, q: Tensor, k: Tensor, v: Tensor, state: Cache) -> tuple[Tensor, Cache]:
        """A softmax over the chosen keys."""
        keys, values = state.append(k, v)
        at = self._choose(state.count - 1, q.device)
        return scaled_dot_product_attention(q, keys.index_select(2, at), values.index_select(2, at)), state


class Sum:
    """Σ φ(k) vᵀ, with an extra column for the divisor. Its size does not depend on the number of steps."""

    def begin(self, like: Tensor, shape: Shape) -> tuple[Tensor]:
        """Zeros, in fp32 or wider."""
        batch, heads, size = shape
        return (like.new_zeros(batch, heads, size, size + 1),)

    def read(self, q: Tensor, k: Tensor, v: Tensor, state: tuple[Tensor]) -> tuple[Tensor, tuple[Tensor]]:
        """φ(q) Σ ÷ its last column, φ = elu + 1."""
        total = state[0] + (elu(k) + 1).transpose(-1, -2) @ pad(v, (0, 1), value=1.0)
        read = (elu(q) + 1) @ total.to(q.dtype)
        return (read[..., :-1] / read[..., -1:]).to(v.dtype), (total,)
