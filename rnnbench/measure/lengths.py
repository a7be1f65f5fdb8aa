"""Lengths of the sequences in a batch: drawn from a distribution, or from a user's file of lengths."""

from pathlib import Path

import torch
from torch import Generator, Tensor

from rnnbench.case import FIXED_LENGTHS, Case
from rnnbench.errors import Unsupported
from rnnbench.own_lengths import SUFFIX, read
from rnnbench.registry import user_path

DRAWN = ("uniform", "skewed")
POWER = 3  # of a uniform number: a skewed length is seq_len · u³, a quarter of seq_len on average
_FILES: dict[str, tuple[Tensor, Path]] = {}


def known() -> tuple[str, ...]:
    """Every value of the axis that this process can draw."""
    return (FIXED_LENGTHS, *DRAWN, *_FILES)


def add(path: str | Path) -> str:
    """Make a file of lengths a value of the axis, and return its name. Raises BadData."""
    name, found = read(path)
    _FILES[name] = torch.tensor(found), user_path(path)
    return name


def drawn(case: Case, batches: int) -> Tensor:
    """Lengths of so many batches, (batches, batch_size), by the case's seed alone: the same ones whatever the packing.

    uniform: 1 to seq_len, equally likely. skewed: seq_len · u³, rounded up, for u uniform: a quarter of seq_len on average. A file's
    lengths are drawn with replacement. Raises Unsupported for a file's length above seq_len."""
    generator = Generator().manual_seed(case.seed)
    shape = (batches, case.batch_size)
    if case.lengths in _FILES:
        held, path = _FILES[case.lengths]
        if (longest := int(held.max())) > case.seq_len:
            raise Unsupported(f"{str(path)!r} has a length of {longest}, above seq_len {case.seq_len}: use --set seq_len={longest}")
        return held[torch.randint(len(held), shape, generator=generator)]
    share = torch.rand(shape, generator=generator, dtype=torch.float64)
    if case.lengths == "skewed":
        share = share**POWER
    elif case.lengths != "uniform":
        raise Unsupported(f"no lengths {case.lengths!r}; choose from: {', '.join(known())}, or a file: FILE{SUFFIX}")
    return (share * case.seq_len).ceil().clamp(1, case.seq_len).long()
