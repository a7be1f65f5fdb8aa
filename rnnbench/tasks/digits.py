"""Handwritten digits of 8×8 pixels, read row by row or pixel by pixel. The 1,797 scans, from UCI, come with scikit-learn."""

import csv
import gzip
from functools import partial

import torch

from rnnbench.case import Case
from rnnbench.tasks._installed import packaged
from rnnbench.tasks._kinds import CLASSIFICATION
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split, commonest_share, fixed_length, seeded

SIDE, CLASSES, BRIGHTEST = 8, 10, 16
TRAIN, VALIDATION = 1_200, 247  # the other 350 are the test split


def make(case: Case, features: int, name: str) -> Data:
    """x: (n, 64 / features, features) from 0 to 1, y: (n,), the digit. The trivial predictor always answers the commonest digit."""
    fixed_length(case, name, SIDE * SIDE // features)
    with gzip.open(packaged("sklearn", "datasets/data/digits.csv.gz", "data"), "rt", encoding="ascii") as file:
        table = torch.tensor([[float(cell) for cell in row] for row in csv.reader(file)])
    table = table[torch.randperm(len(table), generator=seeded())]
    x, y = (table[:, :-1] / BRIGHTEST).view(len(table), -1, features), table[:, -1].long()
    bounds = [slice(TRAIN), slice(TRAIN, TRAIN + VALIDATION), slice(TRAIN + VALIDATION, None)]
    train, validation, test = (Split(x[part], y[part]) for part in bounds)
    return Data(train, validation, test, outputs=CLASSES, trivial=commonest_share(train.y, test.y))


for name, features, target, recipe in (
    ("digits_rows", SIDE, 0.98, Recipe(lr=2e-2, max_steps=800, schedule="cosine")),
    ("digits_pixels", 1, 0.9, Recipe(lr=5e-3, max_steps=3000)),
):
    PROBLEMS.add(
        name,
        Problem(
            name=name,
            about=f"handwritten digits, {SIDE * SIDE // features} time steps of {features}",
            kind=CLASSIFICATION,
            target=target,
            trivial="always the commonest digit",
            make=partial(make, features=features, name=name),
            recipe=recipe,
        ),
    )
