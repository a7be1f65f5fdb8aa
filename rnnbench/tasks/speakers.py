"""Speaker sequence: Japanese vowels by several men in one recording; who spoke, in order, but not when (CTC).

A recording consists of random utterances, as many as fit. It begins with silence.
"""

from itertools import repeat

import torch
from torch import Generator, Tensor

from rnnbench.case import Case
from rnnbench.tasks._kinds import IGNORE, TRANSCRIPTION, edits
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split, least_length, seeded
from rnnbench.tasks.vowels import COEFFICIENTS, FRAMES, SHORTEST, SPEAKERS, Utterances, corpus

SIZES = (2_000, 200, 500)


def recordings(utterances: Utterances, count: int, seq_len: int, generator: Generator) -> Split:
    """x: (count, seq_len, 12), zeros first. y: (count, most speakers), speakers from 1 to 9, because 0 is the blank, then IGNORE."""
    x = torch.zeros(count, seq_len, COEFFICIENTS)
    y = torch.full((count, seq_len // SHORTEST), IGNORE)
    for row in range(count):
        parts: list[Tensor] = []
        for index in torch.randint(len(utterances.frames), y.shape[1:], generator=generator).tolist():
            if sum(map(len, parts)) + len(utterances.frames[index]) > seq_len:
                break
            y[row, len(parts)] = 1 + int(utterances.speakers[index])
            parts.append(utterances.frames[index])
        recording = torch.cat(parts)
        x[row, seq_len - len(recording) :] = recording
    return Split(x, y)


def commonest(train: Tensor) -> list[int]:
    """The commonest speaker, repeated as often as the median recording has speakers."""
    known = train != IGNORE
    return [int(train[known].mode().values)] * int(known.sum(1).median())


def make(case: Case) -> Data:
    """The data. No utterance is in two splits, because the splits are those of `vowels`."""
    least_length(case, "speakers", FRAMES)
    generator = seeded()
    train, validation, test = (recordings(part, size, case.seq_len, generator) for part, size in zip(corpus(), SIZES, strict=True))
    errors, labels = edits(repeat(commonest(train.y)), test.y)
    return Data(train, validation, test, outputs=1 + SPEAKERS, trivial=float(errors) / labels)


PROBLEMS.add(
    "speakers",
    Problem(
        name="speakers",
        about="who spoke, in order, in a recording of several men: CTC",
        kind=TRANSCRIPTION,
        target=0.1,
        trivial="always the commonest speaker",
        make=make,
        recipe=Recipe(max_steps=1000),
    ),
)
