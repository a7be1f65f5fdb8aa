"""Predict each character of a text from the earlier ones. The text is the reference pages that come with Python."""

import re
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.tasks._kinds import MODELLING
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split, least_length

TRAIN, VALIDATION = 0.9, 0.05  # shares of the text, in order; the rest is the test split
LONGEST = 400_000  # characters
RULE = re.compile(r"([-=+ ])\1{15}")


def read() -> str:
    """Python's help on its language, each line once, because whole passages recur. Horizontal rules are omitted."""
    spec = find_spec("pydoc_data.topics")
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise Unsupported("this Python comes without pydoc_data, which contains the text")
    from pydoc_data.topics import topics

    lines = (line for name in sorted(topics) for line in topics[name].splitlines())
    return "\n".join(dict.fromkeys(line for line in lines if not RULE.search(line)))[:LONGEST]


def windows(codes: Tensor, seq_len: int) -> Split:
    """x: (n, seq_len) of characters, y: the next of each. Windows follow one another without overlap."""
    count = (len(codes) - 1) // seq_len
    return Split(codes[: count * seq_len].view(count, seq_len), codes[1 : count * seq_len + 1].view(count, seq_len))


def make(case: Case) -> Data:
    """The data. The trivial predictor is the frequency of each character."""
    least_length(case, "text", 2)
    text = read()
    letters = {letter: code for code, letter in enumerate(sorted(set(text)))}
    codes = torch.tensor([letters[letter] for letter in text])
    bounds = [0, int(TRAIN * len(codes)), int((TRAIN + VALIDATION) * len(codes)), len(codes)]
    train, validation, test = (windows(codes[a:b], case.seq_len) for a, b in pairwise(bounds))
    counts = torch.bincount(train.x.flatten(), minlength=len(letters)) + 1.0
    trivial = -(counts / counts.sum()).log2()[test.y].mean()
    return Data(train, validation, test, outputs=len(letters), trivial=float(trivial), vocabulary=len(letters))


PROBLEMS.add(
    "text",
    Problem(
        name="text",
        about="the next character of Python's own reference pages",
        kind=MODELLING,
        target=2.5,
        trivial="each character's frequency",
        make=make,
        recipe=Recipe(lr=5e-3, max_steps=1500, eval_every=50),
    ),
)
