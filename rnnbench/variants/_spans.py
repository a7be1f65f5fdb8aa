"""Exact attention over a span of keys for each block of queries.

Nothing of the size of the scores is kept: the backward pass recomputes them. Pieces fit into a cache, so memory and time
grow only with the number of blocks. G is the number of sequences times heads.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from rnnbench.variants._passes import exact, once

PIECE = {"cpu": 2**18}  # scores at a time per thread: 1 MiB of fp32 fits a core's cache (2**20 took 1.1 times as long, 2**24 1.5)
PIECE_ELSEWHERE = 2**26


class Layout(Protocol):
    """Which keys a block of queries sees."""

    @property
    def block(self) -> int:
        """Number of queries in a block."""

    @property
    def span(self) -> int:
        """Number of keys that a block of queries reads."""

    @property
    def joins(self) -> bool:
        """Whether to return the log-sum-exp, to join this attention with another."""

    def lay(self, x: Tensor) -> Tensor:
        """Keys or values (G, seq_len, size), prepared for `take`."""

    def take(self, laid: Tensor, start: int, end: int) -> Tensor:
        """The spans of some blocks: (end − start, span, size)."""

    def lay_gradient(self, x: Tensor) -> Tensor:
        """Zeros for the gradient of (G, seq_len, size), in the form that `give` adds to."""

    def give(self, gradient: Tensor, spans: Tensor, start: int, end: int) -> None:
        """Add the gradients of some blocks' spans."""

    def raised(self, gradient: Tensor, x: Tensor) -> Tensor:
        """The gradient in the form of x (G, seq_len, size)."""

    def mask(self, like: Tensor) -> Tensor:
        """A mask to add to the scores of every block: (block, span), or a shape that broadcasts to it."""

    def hide(self, scores: Tensor, start: int) -> None:
        """Mask keys that are hidden only in some blocks, in place. scores: (blocks, block, span)."""


def low(like: Tensor) -> float:
    """A large negative number instead of minus infinity, which would give NaN if all keys are hidden."""
    return torch.finfo(like.dtype).min / 2


def additive(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """The additive form of a boolean mask: 0 if `visible`, otherwise `low`."""
    return torch.zeros(visible.shape, dtype=dtype, device=visible.device).masked_fill_(~visible, torch.finfo(dtype).min / 2)


@lru_cache(maxsize=64)  # cached per shape: otherwise every pass would copy or compute it again
def _band(block: int, back: int, window: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The mask of a window: (block, back + block)."""
    query, key = torch.arange(block, device=device)[:, None], torch.arange(back + block, device=device) - back
    return additive((key <= query) & (key > query - window), dtype)


@lru_cache(maxsize=64)
def _below(block: int, span: int, diagonal: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The mask of keys on and below a diagonal: (block, span)."""
    return additive(torch.ones(block, span, dtype=torch.bool, device=device).tril(diagonal), dtype)


def attend(layout: Layout, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """(G, seq_len, size) each, seq_len a multiple of the block → the output, and the log-sum-exp of each query's scores (G, seq_len), empty
    unless the layout joins."""
    apply: Any = _Spans.apply
    both: tuple[Tensor, Tensor] = apply(q.contiguous(), k.contiguous(), v.contiguous(), layout)
    return both


class _Spans(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
        with exact(q):
            queries, keys, values = _blocks(q, layout), layout.lay(k), layout.lay(v)
            out, mask = torch.empty_like(queries), layout.mask(q)
            total = q.new_empty(queries.shape[:2]) if layout.joins else q.new_empty(0)
            for start, end in _pieces(queries, layout):
                scores = _scores(queries, keys, mask, layout, start, end)
                if len(total):
                    total[start:end] = scores.logsumexp(-1)
                torch.bmm(scores.softmax(-1), layout.take(values, start, end), out=out[start:end])
        ctx.save_for_backward(q, k, v)
        ctx.layout = layout
        ctx.set_materialize_grads(False)
        return out.view_as(q), total.view(q.shape[:2]) if len(total) else total

    @staticmethod
    @once
    def backward(ctx: Any, d_out: Tensor | None, d_total: Tensor | None) -> tuple[Tensor | None, ...]:
        q, k, v = ctx.saved_tensors
        layout: Layout = ctx.layout
        if d_out is None:
            d_out = torch.zeros_like(q)
        with exact(q):
            queries, keys, values, d_outs = _blocks(q, layout), layout.lay(k), layout.lay(v), _blocks(d_out.to(q.dtype), layout)
            d_queries, d_keys, d_values = torch.empty_like(queries), layout.lay_gradient(k), layout.lay_gradient(v)
            mask, scale = layout.mask(q), q.shape[-1] ** -0.5
            d_totals = None if d_total is None else d_total.reshape(queries.shape[:2]).unsqueeze(-1)
            for start, end in _pieces(queries, layout):
                shares = _scores(queries, keys, mask, layout, start, end).softmax(-1)
                d_shares = torch.bmm(d_outs[start:end], layout.take(values, start, end).transpose(1, 2))
                d_scores = torch._softmax_backward_data(d_shares, shares, -1, shares.dtype)  # noqa: SLF001 - one pass, as autograd has it
                if d_totals is not None:
                    d_scores.addcmul_(shares, d_totals[start:end])
                d_scores.mul_(scale)
                torch.bmm(d_scores, layout.take(keys, start, end), out=d_queries[start:end])
                layout.give(d_keys, torch.bmm(d_scores.transpose(1, 2), queries[start:end]), start, end)
                layout.give(d_values, torch.bmm(shares.transpose(1, 2), d_outs[start:end]), start, end)
        return d_queries.view_as(q), layout.raised(d_keys, k), layout.raised(d_values, v), None


def _blocks(x: Tensor, layout: Layout) -> Tensor:
    return x.reshape(-1, layout.block, x.shape[-1])


def _pieces(queries: Tensor, layout: Layout) -> list[tuple[int, int]]:
    kind = queries.device.type
    most = PIECE[kind] * torch.get_num_threads() if kind in PIECE else PIECE_ELSEWHERE
    size = max(1, most // (layout.block * layout.span))
    return [(start, min(start + size, len(queries))) for start in range(0, len(queries), size)]


def _scores(queries: Tensor, keys: Tensor, mask: Tensor, layout: Layout, start: int, end: int) -> Tensor:
    taken = layout.take(keys, start, end)
    scores = torch.baddbmm(mask, queries[start:end], taken.transpose(1, 2), alpha=queries.shape[-1] ** -0.5)
    layout.hide(scores, start)
    return scores


@dataclass(frozen=True)
class Window:
    """Each position and the window − 1 before it. Spans overlap in memory and are never copied: a block's span ends with the block.

    The spans of a sequence's first blocks reach into the previous sequence or the padding; those keys are masked.
    """

    length: int
    window: int
    block: int
    joins: bool = False

    @property
    def back(self) -> int:
        """Keys before the block, in whole blocks."""
        return -(-(self.window - 1) // self.block) * self.block

    @property
    def span(self) -> int:
        """Number of keys from the first that a block reads to its own last."""
        return self.back + self.block

    def lay(self, x: Tensor) -> Tensor:
        """(G, seq_len, size) → (blocks, span, size), strided over one padded copy."""
        size = x.shape[-1]
        flat = pad(x.reshape(-1, size), (0, 0, self.back, 0))
        return flat.as_strided((x.shape[0] * self.length // self.block, self.span, size), (self.block * size, size, 1))

    def take(self, laid: Tensor, start: int, end: int) -> Tensor:
        """A slice."""
        return laid[start:end]

    def lay_gradient(self, x: Tensor) -> Tensor:
        """Zeros of (blocks, block, size), with blocks for the padding first."""
        return x.new_zeros((x.shape[0] * self.length + self.back) // self.block, self.block, x.shape[-1])

    def give(self, gradient: Tensor, spans: Tensor, start: int, end: int) -> None:
        """Add the gradient one block of the span at a time."""
        for index, part in enumerate(spans.split(self.block, 1)):
            gradient[start + index : end + index].add_(part)

    def raised(self, gradient: Tensor, x: Tensor) -> Tensor:
        """Remove the padding."""
        return gradient[self.back // self.block :].reshape(x.shape)

    def mask(self, like: Tensor) -> Tensor:
        """The mask of the band."""
        return _band(self.block, self.back, self.window, like.dtype, like.device)

    def hide(self, scores: Tensor, start: int) -> None:
        """Mask keys before the start of the sequence."""
        blocks = self.length // self.block
        for first in range(min(self.back // self.block, blocks)):
            scores[(first - start) % blocks :: blocks, :, : self.back - first * self.block] = low(scores)


@dataclass(frozen=True)
class Columns:
    """Each sequence is one block; each position sees those before it but not itself. The first sees none: give it weight 0."""

    block: int
    joins: bool = True

    @property
    def span(self) -> int:
        """The whole sequence."""
        return self.block

    def lay(self, x: Tensor) -> Tensor:
        """As it is."""
        return x

    def take(self, laid: Tensor, start: int, end: int) -> Tensor:
        """A slice."""
        return laid[start:end]

    def lay_gradient(self, x: Tensor) -> Tensor:
        """Zeros of x."""
        return torch.zeros_like(x)

    def give(self, gradient: Tensor, spans: Tensor, start: int, end: int) -> None:
        """No span overlaps another."""
        gradient[start:end] = spans

    def raised(self, gradient: Tensor, x: Tensor) -> Tensor:  # noqa: ARG002 - the signature of every layout
        """As it is."""
        return gradient

    def mask(self, like: Tensor) -> Tensor:
        """Below the diagonal."""
        return _below(self.block, self.block, -1, like.dtype, like.device)

    def hide(self, scores: Tensor, start: int) -> None:
        """Nothing more."""


class Chosen:
    """Each block sees itself causally, and whole earlier blocks from a table. A block that sees fewer has absent slots."""

    def __init__(self, block: int, table: Tensor, groups: int, device: torch.device) -> None:
        """`table` (blocks, slots): indices of earlier blocks, −1 if absent. The block itself comes last and is not in it. `groups` is G."""
        count = len(table)
        own = torch.arange(count)[:, None]
        absent = torch.cat((table < 0, torch.zeros_like(own, dtype=torch.bool)), 1)
        index = torch.cat((table.clamp(min=0), own), 1)
        self.block, self.joins, self.span = block, False, block * index.shape[1]
        self._absent = absent.repeat(groups, 1).to(device)
        self._index = (index + count * torch.arange(groups)[:, None, None]).flatten(0, 1).to(device)

    def lay(self, x: Tensor) -> Tensor:
        """(G, seq_len, size) → (blocks, block, size)."""
        return x.reshape(-1, self.block, x.shape[-1])

    def take(self, laid: Tensor, start: int, end: int) -> Tensor:
        """A gathered copy."""
        return laid.index_select(0, self._which(start, end)).view(end - start, self.span, laid.shape[-1])

    def lay_gradient(self, x: Tensor) -> Tensor:
        """Zeros in blocks."""
        return torch.zeros_like(self.lay(x))

    def give(self, gradient: Tensor, spans: Tensor, start: int, end: int) -> None:
        """Scatter the gradients back. Absent slots have gradient zero."""
        gradient.index_add_(0, self._which(start, end), spans.reshape(-1, self.block, spans.shape[-1]))

    def raised(self, gradient: Tensor, x: Tensor) -> Tensor:
        """Join the blocks."""
        return gradient.view(x.shape)

    def mask(self, like: Tensor) -> Tensor:
        """A causal mask for the block itself; earlier blocks are fully visible."""
        return _below(self.block, self.span, self.span - self.block, like.dtype, like.device)

    def hide(self, scores: Tensor, start: int) -> None:
        """Mask absent slots."""
        slots = scores.view(len(scores), self.block, -1, self.block)
        slots.masked_fill_(self._absent[start : start + len(scores), None, :, None], low(scores))

    def _which(self, start: int, end: int) -> Tensor:
        """Flat indices of the blocks that blocks `start` to `end` read: (blocks · slots)."""
        return self._index[start:end].flatten()
