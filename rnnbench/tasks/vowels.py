"""Japanese vowels: which of nine men says /ae/, from 12 cepstral coefficients of 7 to 29 frames. The recordings come with aeon; UCI."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from rnnbench.case import Case
from rnnbench.tasks._installed import packaged
from rnnbench.tasks._kinds import CLASSIFICATION
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split, commonest_share, fixed_length

FRAMES, SHORTEST, COEFFICIENTS, SPEAKERS = 29, 7, 12, 9
HELD_OUT_EVERY = 5  # the file is in order of speakers, so that every fifth utterance is drawn from all of them alike
FOLDER = "datasets/data/JapaneseVowels/JapaneseVowels"


class Utterances(NamedTuple):
    """Recordings of (frames, 12), and who speaks: (n,), from 0."""

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
    """To train, validate and test, scaled by what is given for training. The 370 test utterances are the corpus's own; of its 270 for
    training, every fifth is held out."""
    given, unseen = (read(packaged("aeon", f"{FOLDER}_{part}.ts", "speech")) for part in ("TRAIN", "TEST"))
    every = torch.cat(given.frames)
    low, spread = every.mean(0), every.std(0)

    def some(part: Utterances, rows: Tensor) -> Utterances:
        return Utterances([(part.frames[row] - low) / spread for row in rows.tolist()], part.speakers[rows])

    order = torch.arange(len(given.frames))
    held_out = order % HELD_OUT_EVERY == 0
    return some(given, order[~held_out]), some(given, order[held_out]), some(unseen, torch.arange(len(unseen.frames)))


def padded(utterances: Utterances) -> Split:
    """x is (n, 29, 12), zeros first, so that the last frame is the utterance's own."""
    rows = [torch.cat((one.new_zeros(FRAMES - len(one), COEFFICIENTS), one)) for one in utterances.frames]
    return Split(torch.stack(rows), utterances.speakers)


def make(case: Case) -> Data:
    """Against one speaker, always."""
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
        trivial="the commonest speaker, always",
        make=make,
        recipe=Recipe(lr=5e-3, max_steps=800),
    ),
)
