"""Strided attention of the Sparse Transformer: the last `window` positions and every `window`-th before them, in one softmax.

Both parts are exact and are joined by their log-sum-exps. With a fixed stride, the second part sees seq_len ÷ stride keys.
"""

from functools import partial

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants._attention import WAYS, Pattern, all_keys, blocks, causal, flops, in_blocks, out_of_blocks, parameters
from rnnbench.variants._memory import Chosen
from rnnbench.variants._registry import variant
from rnnbench.variants._spans import Columns, Window, attend
from rnnbench.variants.transformer import dense_causal
from rnnbench.variants.window_attention import block_of


def visible(stride: int, seq_len: int, device: torch.device) -> Tensor:
    """The band, and every stride-th diagonal: bool (seq_len, seq_len)."""
    step = torch.arange(seq_len).to(device)
    back = step[:, None] - step
    return causal(seq_len, device) & ((back < stride) | (back % stride == 0))


def row(stride: int, step: int, device: torch.device) -> Tensor:
    """The positions that the query of a step sees."""
    far = torch.arange(step % stride, max(step % stride, step - stride + 1), stride)
    return torch.cat((far, torch.arange(max(0, step - stride + 1), step + 1))).to(device)


def strided(stride: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The fast implementation. A sequence within one stride uses dense attention."""
    if q.shape[-2] <= stride:
        return dense_causal(q, k, v)
    block = block_of(stride)
    near_parts = [in_blocks(x, block) for x in (q, k, v)]
    near, near_total = attend(Window(near_parts[0].shape[1], stride, block, joins=True), *near_parts)
    far, far_total = _far(stride, *(in_blocks(x, stride) for x in (q, k, v)))
    steps = q.shape[-2]
    near, near_total, far, far_total = (x[:, :steps] for x in (near, near_total, far, far_total))
    share = torch.sigmoid(far_total - near_total).unsqueeze(-1)
    return out_of_blocks(torch.lerp(near, far, share.to(near.dtype)), q)


def _far(stride: int, *parts: Tensor) -> tuple[Tensor, Tensor]:
    """Attention among positions of equal remainder, each remainder a separate sequence: (G, seq_len, size) → output, log-sum-exp."""
    groups, steps, size = parts[0].shape
    rows = steps // stride
    columns = (x.view(groups, rows, stride, size).transpose(1, 2).reshape(-1, rows, size) for x in parts)
    out, total = attend(Columns(rows), *columns)
    out = out.view(groups, stride, rows, size).transpose(1, 2).reshape(groups, steps, size)
    return out, total.view(groups, stride, rows).transpose(1, 2).reshape(groups, steps)


def pairs(case: Case) -> int:
    """Number of visible pairs of query and key in one sequence."""
    near = min(case.window, case.seq_len)
    rows, rest = divmod(case.seq_len, case.window)
    return near * case.seq_len - near * (near - 1) // 2 + case.window * rows * (rows - 1) // 2 + rest * rows


@variant(
    implementations=WAYS,
    source="arXiv 1904.10509, one merged head; no positions",
    flops=flops(pairs),
    parameters=parameters,
    state_size=all_keys,
    axes=("window",),
)
def strided_attention(case: Case) -> nn.Module:
    """Strided attention (Sparse Transformer); `window` is the stride and the local reach."""
    return blocks(case, Pattern(partial(visible, case.window), partial(strided, case.window), Chosen(partial(row, case.window))))
