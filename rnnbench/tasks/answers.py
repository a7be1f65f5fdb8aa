"""Random inputs with the outputs of applications: a word per step, letters without their times (CTC), or the next value.

A task with `classes` adds a linear layer to the variant, as an application would.
"""

import torch
from torch import Generator, Size, Tensor
from torch.nn.functional import cross_entropy, mse_loss

from rnnbench.tasks._ctc import alignment_loss
from rnnbench.tasks._registry import TASKS, Task
from rnnbench.tasks.noise import inputs, targets

VOCABULARY = 4_000
LETTERS = 29  # 26, the space, the apostrophe, and the blank, which is class 0
STEPS_A_LETTER = 4


def words(shape: Size, generator: Generator) -> Tensor:
    """(seq_len, batch, classes) → a word per step: (seq_len, batch)."""
    return torch.randint(shape[2], shape[:2], generator=generator)


def words_loss(output: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy, in fp32 whatever the output's precision."""
    return cross_entropy(output.float().flatten(0, 1), target.flatten())


def letters(shape: Size, generator: Generator) -> Tensor:
    """(seq_len, batch, classes) → letters without blanks: (batch, letters), one for every four steps."""
    return torch.randint(1, shape[2], (shape[1], max(1, shape[0] // STEPS_A_LETTER)), generator=generator)


def letters_loss(output: Tensor, target: Tensor) -> Tensor:
    """CTC: the sum over all alignments of the letters with the steps, in fp32."""
    return alignment_loss(output, target, [target.shape[1]] * len(target)).mean() / target.shape[1]


def value_loss(output: Tensor, target: Tensor) -> Tensor:
    """Squared error of each step's forecast, in fp32."""
    return mse_loss(output.float(), target)


TASKS.add("words", Task("words", "normal noise in, a word of 4,000 at each step, cross-entropy", inputs, words, words_loss, VOCABULARY))
TASKS.add("letters", Task("letters", "normal noise in, a letter for every four steps, CTC", inputs, letters, letters_loss, LETTERS))
TASKS.add("value", Task("value", "normal noise in, one number at each step, squared error", inputs, targets, value_loss, 1))
