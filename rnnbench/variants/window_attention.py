"""Sliding-window attention: position i attends to positions i − window + 1 … i."""

from functools import partial

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants._attention import WAYS, Pattern, blocks, causal, flops, in_blocks, out_of_blocks, parameters
from rnnbench.variants._memory import Keys
from rnnbench.variants._registry import variant
from rnnbench.variants._spans import Window, attend
from rnnbench.variants.transformer import dense_causal

LARGEST_BLOCK = 128


def block_of(window: int) -> int:
    """Queries per block: with half a window, 1.5 times the visible pairs are computed, in products that are still large."""
    return min(LARGEST_BLOCK, 1 << max(0, (window // 2).bit_length() - 1))


def visible(window: int, seq_len: int, device: torch.device) -> Tensor:
    """The band below the diagonal: bool (seq_len, seq_len)."""
    return causal(seq_len, device).triu(1 - window)


def windowed(window: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The fast implementation, linear in seq_len. A sequence within one window uses dense attention."""
    steps = q.shape[-2]
    if steps <= window:
        return dense_causal(q, k, v)
    block = block_of(window)
    parts = [in_blocks(x, block) for x in (q, k, v)]
    return out_of_blocks(attend(Window(parts[0].shape[1], window, block), *parts)[0], q)


def local(window: int) -> Pattern:
    """The pattern of one window."""
    return Pattern(partial(visible, window), partial(windowed, window), Keys(window))


def pairs(case: Case) -> int:
    """Number of visible pairs of query and key in one sequence."""
    window = min(case.window, case.seq_len)
    return window * case.seq_len - window * (window - 1) // 2


def state_size(case: Case) -> int:
    """Numbers kept per sequence: keys and values of one window, or of the sequence if it is shorter."""
    return 2 * case.depth * case.hidden_size * min(case.window, case.seq_len)


@variant(
    implementations=WAYS,
    source="arXiv 2004.05150, causal; no positions",
    flops=flops(pairs),
    parameters=parameters,
    state_size=state_size,
    axes=("window",),
)
def window_attention(case: Case) -> nn.Module:
    """Sliding-window attention, causal, over the last `window` steps."""
    return blocks(case, local(case.window))
