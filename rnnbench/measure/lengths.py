"""Lengths of the sequences in a batch: drawn from a distribution, or from a user's file of lengths."""

from pathlib import Path

import torch
from torch import Generator, Tensor

from rnnbench.bounded import NotText, text
from rnnbench.case import FIXED_LENGTHS, Case
from rnnbench.errors import BadPlugin, Unsupported
from rnnbench.own_data import LENGTHS_SUFFIX
from rnnbench.registry import user_path

DRAWN = ("uniform", "skewed")
POWER = 3  # of a uniform number: a skewed length is seq_len · u³, a quarter of seq_len on average
_FILES: dict[str, tuple[Tensor, Path]] = {}


def known() -> tuple[str, ...]:
    """Every value of the axis that this process can draw."""
    return (FIXED_LENGTHS, *DRAWN, *_FILES)


def add(path: str | Path) -> str:
    """Read a file of lengths, a whole number per line, and make it a value of the axis: its name without the suffix.

    Raises BadPlugin, with the line, for anything else."""
    place = user_path(path)
    name = place.name.removesuffix(LENGTHS_SUFFIX)
    if name in (FIXED_LENGTHS, *DRAWN):
        raise BadPlugin(path, f"{name} is a distribution of rnnbench's: rename the file")
    try:
        lines = text(place).splitlines()
    except (OSError, NotText) as error:
        raise BadPlugin(path, str(getattr(error, "strerror", None) or error)) from None
    found = []
    for number, line in enumerate(lines, 1):
        word = line.strip()
        if not word:
            continue
        if not (word.isascii() and word.isdigit()) or not 0 < int(word[:12]) < 2**31 or len(word) > 10:
            raise BadPlugin(path, f"line {number}: wanted a length, a whole number from 1; found {word[:40]!r}")
        found.append(int(word))
    if not found:
        raise BadPlugin(path, "it holds no length")
    _FILES[name] = torch.tensor(found), place
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
        raise Unsupported(f"no lengths {case.lengths!r}; choose from: {', '.join(known())}, or a file: --plugin NAME{LENGTHS_SUFFIX}")
    return (share * case.seq_len).ceil().clamp(1, case.seq_len).long()
