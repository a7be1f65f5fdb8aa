"""Japanese vowels: which of nine men says /ae/, from 12 cepstral coefficients of 7 to 29 frames. UCI's recordings come with aeon."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from rnnbench.case import Case
from rnnbench.tasks._installed import packaged
from rnnbench.tasks._kinds import CLASSIFICATION
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split, commonest_share, fixed_length

FRAMES, SHORTEST, COEFFICIENTS, SPEAKERS = 29, 7, 12, 9
HELD_OUT_EVERY = 5  # the file is ordered by speaker, so every fifth utterance samples all speakers equally
FOLDER = "datasets/data/JapaneseVowels/JapaneseVowels"


class Utterances(NamedTuple):
    """Recordings of (frames, 12), and their speakers: (n,), from 0."""

    frames: list[Tensor]
    speakers: Tensor


def read(path: Path) -> Utterances:
    """All utterances of a file."""
    frames, speakers = [], []
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in lines[lines.index("@data") + 1 :]:
        *channels, label = line.split(":")
        frames.append(torch.tensor([[float(value) for value in channel.split(",")] for channel in channels]).t())
        speakers.append(int(label) - 1)
    return Utterances(frames, torch.tensor(speakers))


def corpus() -> tuple[Utterances, Utterances, Utterances]:
    """The training, validation and test utterances, scaled by the training file. The 370 test utterances are the corpus's own; every fifth
    of its 270 training utterances is held out for validation."""
    given, test = (read(packaged("aeon", f"{FOLDER}_{part}.ts", "speech")) for part in ("TRAIN", "TEST"))
    every = torch.cat(given.frames)
    low, spread = every.mean(0), every.std(0)

    def some(part: Utterances, rows: Tensor) -> Utterances:
        return Utterances([(part.frames[row] - low) / spread for row in rows.tolist()], part.speakers[rows])

    order = torch.arange(len(given.frames))
    held_out = order % HELD_OUT_EVERY == 0
    return some(given, order[~held_out]), some(given, order[held_out]), some(test, torch.arange(len(test.frames)))


def padded(utterances: Utterances) -> Split:
    """x is (n, 29, 12), padded in front, so that the last frame is not padding."""
    rows = [torch.cat((one.new_zeros(FRAMES - len(one), COEFFICIENTS), one)) for one in utterances.frames]
    return Split(torch.stack(rows), utterances.speakers)


def make(case: Case) -> Data:
    """The data. The trivial predictor always answers the commonest speaker."""
    fixed_length(case, "vowels", FRAMES)
    train, validation, test = map(padded, corpus())
    return Data(train, validation, test, outputs=SPEAKERS, trivial=commonest_share(train.y, test.y))


PROBLEMS.add(
    "vowels",
    Problem(
        name="vowels",
        about=f"speaker of a Japanese vowel, {FRAMES} frames of {COEFFICIENTS} coefficients",
        kind=CLASSIFICATION,
        target=0.94,
        trivial="always the commonest speaker",
        make=make,
        recipe=Recipe(lr=5e-3, max_steps=800),
    ),
)
