"""Brackets: is each prefix of a sequence of brackets balanced so far? A task of one's own, with sequences of several lengths."""

import torch

from rnnbench import task
from rnnbench.tasks import IGNORE, Recipe

PAD, OPEN, CLOSE = range(3)


@task(kind="tagging", outputs=2, vocabulary=3, target=0.95, recipe=Recipe(lr=1e-2, max_steps=300))
def brackets(count, seq_len, generator):
    """Whether the brackets read so far are balanced."""
    lengths = torch.randint(max(1, seq_len // 2), seq_len + 1, (count,), generator=generator)
    steps = torch.randint(0, 2, (count, seq_len), generator=generator) * 2 - 1  # 1 opens, -1 closes
    depth = torch.zeros(count, dtype=torch.long)
    x, y = torch.full((count, seq_len), PAD), torch.full((count, seq_len), IGNORE)
    for t in range(seq_len):
        step = torch.where(depth == 0, 1, steps[:, t])  # nothing is closed that was not opened
        depth = depth + step
        here = t < lengths
        x[here, t] = torch.where(step[here] > 0, OPEN, CLOSE)
        y[here, t] = (depth[here] == 0).long()
    return x, y, lengths
