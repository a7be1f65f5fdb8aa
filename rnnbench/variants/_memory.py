"""What attention keeps of a stream: keys and values, all of them or the last so many, or a running sum."""

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from torch import Tensor, cat, device
from torch.nn.functional import elu, pad, scaled_dot_product_attention

State = tuple[Tensor, ...]
Shape = tuple[int, int, int]


class Memory(Protocol):
    """Shapes are (batch, heads, steps, size of a head)."""

    def begin(self, like: Tensor, shape: Shape) -> State:
        """Before the first step, for (batch, heads, size)."""

    def read(self, q: Tensor, k: Tensor, v: Tensor, state: State) -> tuple[Tensor, State]:
        """What a step's query reads, its own key and value among what is kept."""


class Keys:
    """The last `reach` keys and values, or all."""

    def __init__(self, reach: int | None = None) -> None:
        self._first = 0 if reach is None else -reach

    def begin(self, like: Tensor, shape: Shape) -> State:
        """None yet."""
        batch, heads, size = shape
        return (like.new_empty(batch, heads, 0, size),) * 2

    def read(self, q: Tensor, k: Tensor, v: Tensor, state: State) -> tuple[Tensor, State]:
        """A softmax over the keys."""
        keys, values = (cat((old.to(new.dtype), new), 2)[:, :, self._first :] for old, new in zip(state, (k, v), strict=True))
        return scaled_dot_product_attention(q, keys, values), (keys, values)


class Chosen:
    """All keys and values, since later steps may want any; each query reads some. `choose(step, device)` gives their positions."""

    def __init__(self, choose: Callable[[int, device], Tensor]) -> None:
        self._choose = lru_cache(maxsize=None)(choose)  # the same in every layer, and in every stream begun anew
        self._all = Keys()

    def begin(self, like: Tensor, shape: Shape) -> State:
        """None yet."""
        return self._all.begin(like, shape)

    def read(self, q: Tensor, k: Tensor, v: Tensor, state: State) -> tuple[Tensor, State]:
        """A softmax over the chosen keys."""
        keys, values = kept = tuple(cat((old.to(new.dtype), new), 2) for old, new in zip(state, (k, v), strict=True))
        at = self._choose(keys.shape[2] - 1, q.device)
        return scaled_dot_product_attention(q, keys.index_select(2, at), values.index_select(2, at)), kept


class Sum:
    """Σ φ(k) vᵀ, with a column for the divisor: as large after a million steps as after one."""

    def begin(self, like: Tensor, shape: Shape) -> State:
        """Zeros, in fp32 or wider."""
        batch, heads, size = shape
        return (like.new_zeros(batch, heads, size, size + 1),)

    def read(self, q: Tensor, k: Tensor, v: Tensor, state: State) -> tuple[Tensor, State]:
        """φ(q) Σ ÷ its last column, φ = elu + 1."""
        total = state[0] + (elu(k) + 1).transpose(-1, -2) @ pad(v, (0, 1), value=1.0)
        read = (elu(q) + 1) @ total.to(q.dtype)
        return (read[..., :-1] / read[..., -1:]).to(v.dtype), (total,)
