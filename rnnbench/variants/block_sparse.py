"""Block-sparse attention after BigBird, made causal: a window of blocks, the first block, and random blocks.

Each block of `block_size` steps sees itself, the two blocks before it, the first block, and two more that are drawn once from the case's
seed, the same in every head and layer. BigBird's global block would also see later blocks; that is left out.
"""

from functools import lru_cache, partial

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.variants._attention import WAYS, Pattern, all_keys, blocks, causal, flops, in_blocks, out_of_blocks, parameters
from rnnbench.variants._memory import Chosen as ChosenKeys
from rnnbench.variants._registry import variant
from rnnbench.variants._spans import Chosen, attend

BEFORE = 2  # blocks of the window before a block's own
DRAWN = 2


def table(count: int, seed: int) -> Tensor:
    """The earlier blocks that each block sees: (count, 1 + BEFORE + DRAWN), without duplicates, −1 if absent."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for own in range(count):
        near = list(range(max(0, own - BEFORE), own))
        chosen = [0, *near] if own > BEFORE else near
        others = torch.randperm(max(0, own - BEFORE - 1), generator=generator)[:DRAWN] + 1  # neither the first block nor a near one
        chosen += others.tolist()
        rows.append(chosen + [-1] * (1 + BEFORE + DRAWN - len(chosen)))
    return torch.tensor(rows)


def visible(block: int, seed: int, seq_len: int, device: torch.device) -> Tensor:
    """Which keys each query sees: bool (seq_len, seq_len)."""
    count = -(-seq_len // block)
    whole = torch.eye(count, dtype=torch.bool)
    for own, chosen in enumerate(table(count, seed)):
        whole[own, chosen[chosen >= 0]] = True
    each = whole.repeat_interleave(block, 0).repeat_interleave(block, 1)
    return each[:seq_len, :seq_len].to(device) & causal(seq_len, device)


_kept_table = lru_cache(maxsize=64)(table)


def row(block: int, seed: int, step: int, device: torch.device) -> Tensor:
    """The positions that the query of a step sees, in any sequence of at least that length."""
    own = step // block
    earlier = _kept_table(1 << own.bit_length(), seed)[own]  # a longer table starts with the shorter one
    starts = torch.cat((earlier[earlier >= 0].sort().values, torch.tensor([own]))) * block
    positions = (starts[:, None] + torch.arange(block)).flatten()
    return positions[positions <= step].to(device)


@lru_cache(maxsize=64)  # building the table in Python takes 19 ms for 1,024 blocks: once per shape, not in every pass
def _layout(block: int, seed: int, count: int, groups: int, device: torch.device) -> Chosen:
    """Which blocks are gathered, on the device."""
    return Chosen(block, table(count, seed), groups, device)


def chosen_blocks(block: int, seed: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention on gathered blocks, piece by piece: time and memory linear in seq_len."""
    parts = [in_blocks(x, block) for x in (q, k, v)]
    groups, steps, _ = parts[0].shape
    layout = _layout(block, seed, steps // block, groups, q.device)
    return out_of_blocks(attend(layout, *parts)[0], q)


def pairs(case: Case) -> int:
    """Number of visible pairs of query and key in one sequence."""
    block = case.block_size
    whole, rest = divmod(case.seq_len, block)
    seen_by = [int((row >= 0).sum()) for row in table(whole + (rest > 0), case.seed)]
    sizes = [block] * whole + [rest] * (rest > 0)
    return sum(size * count * block + size * (size + 1) // 2 for size, count in zip(sizes, seen_by, strict=True))


@variant(
    implementations=WAYS,
    source="arXiv 2007.14062, read causally; no positions",
    flops=flops(pairs),
    parameters=parameters,
    state_size=all_keys,
    axes=("block_size",),
)
def block_sparse(case: Case) -> nn.Module:
    """Block-sparse attention (BigBird): near, first and random blocks of `block_size` steps."""
    block, seed = case.block_size, case.seed
    return blocks(case, Pattern(partial(visible, block, seed), partial(chosen_blocks, block, seed), ChosenKeys(partial(row, block, seed))))
