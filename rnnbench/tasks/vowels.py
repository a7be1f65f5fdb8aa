"""Japanese vowels: which of nine men says /ae/, from 12 cepstral coefficients of 7 to 29 frames. The recordings come with aeon; UCI."""

from pathlib import Path

import torch
from torch import Tensor

from rnnbench.case import Case
from rnnbench.tasks._installed import packaged
from rnnbench.tasks._kinds import CLASSIFICATION
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split, commonest_share, fixed_length

FRAMES, COEFFICIENTS, SPEAKERS = 29, 12, 9
HELD_OUT_EVERY = 5  # the file is in order of speakers, so that every fifth utterance is drawn from all of them alike
FOLDER = "datasets/data/JapaneseVowels/JapaneseVowels"


def read(path: Path) -> tuple[list[Tensor], Tensor]:
    """Utterances of (frames, 12), and the speaker of each: (n,)."""
    utterances, speakers = [], []
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in lines[lines.index("@data") + 1 :]:
        *channels, label = line.split(":")
        utterances.append(torch.tensor([[float(value) for value in channel.split(",")] for channel in channels]).t())
        speakers.append(int(label) - 1)
    return utterances, torch.tensor(speakers)


def padded(utterances: list[Tensor]) -> Tensor:
    """(n, 29, 12), zeros first, so that the last frame is the utterance's own."""
    return torch.stack([torch.cat((one.new_zeros(FRAMES - len(one), COEFFICIENTS), one)) for one in utterances])


def make(case: Case) -> Data:
    """The 370 test utterances are the corpus's own; of its 270 for training, every fifth is held out. Against one speaker, always."""
    fixed_length(case, "vowels", FRAMES)
    (given, speakers), (unseen, theirs) = (read(packaged("aeon", f"{FOLDER}_{part}.ts", "speech")) for part in ("TRAIN", "TEST"))
    frames = torch.cat(given)
    low, spread = frames.mean(0), frames.std(0)
    x, y = padded([(one - low) / spread for one in given]), speakers
    held_out = torch.arange(len(x)) % HELD_OUT_EVERY == 0
    train, validation = Split(x[~held_out], y[~held_out]), Split(x[held_out], y[held_out])
    test = Split(padded([(one - low) / spread for one in unseen]), theirs)
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
