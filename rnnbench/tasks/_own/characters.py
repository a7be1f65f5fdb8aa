"""A .txt file: a text, character by character, including blank lines and the final newline."""

import torch

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.own_data import BadData, DataSource, text
from rnnbench.tasks._kinds import MODELLING
from rnnbench.tasks._own.splits import bounds, problem
from rnnbench.tasks._problem import Data, Problem, least_length
from rnnbench.tasks.text import windows as passages

FEWEST_CHARACTERS = 2_000


def characters(name: str, source: DataSource) -> Problem:
    """The problem of predicting the next character of a text."""
    found = text(source.path)
    if len(found) < FEWEST_CHARACTERS:
        raise BadData(source.path, f"{len(found)} characters; {FEWEST_CHARACTERS} or more are needed")
    letters = {letter: code for code, letter in enumerate(sorted(set(found)))}
    if len(letters) == 1:
        raise BadData(source.path, f"it is {found[0]!r} over and over: there is nothing to learn")
    codes = torch.tensor([letters[letter] for letter in found])

    def make(case: Case) -> Data:
        least_length(case, name, 2)
        parts = [passages(codes[a:b], case.seq_len) for a, b in bounds(len(codes))]
        if not all(len(part) for part in parts):
            raise Unsupported(f"{name} has {len(codes)} characters: use a smaller seq_len than {case.seq_len}")
        counts = torch.bincount(parts[0].x.flatten(), minlength=len(letters)) + 1.0
        trivial = -(counts / counts.sum()).log2()[parts[2].y].mean()
        train, validation, test = parts
        return Data(train, validation, test, outputs=len(letters), trivial=float(trivial), vocabulary=len(letters))

    return problem(name, f"the next character of a text of {len(found)}", MODELLING, 2.5, "each character's frequency", make)
