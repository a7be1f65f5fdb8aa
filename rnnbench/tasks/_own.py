"""Problems made of a user's own file: pairs to translate (.tsv), a series to forecast (.csv), or characters (.txt)."""

import csv
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.own_data import KINDS, BadData, lines, task_of
from rnnbench.tasks._kinds import FORECAST, IGNORE, MODELLING, SEQUENCE, Kind
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split, least_length, seeded
from rnnbench.tasks.text import windows as passages

TRAIN, VALIDATION = 0.8, 0.1  # the rest is the test
FEWEST_PAIRS, FEWEST_ROWS, FEWEST_CHARACTERS = 50, 200, 2_000
MOST_WORDS = 20_000
HORIZON = 12  # rows to forecast
PAD, SEPARATOR, END = 0, 1, 2
SPECIAL = 3


def add(path: str | Path) -> str:
    """Read and check a file, and register what is in it as a task; returns the task's name. Raises BadData."""
    source = Path(path)
    name = task_of(source)
    if name not in PROBLEMS.all():
        kind = KINDS[source.suffix.lower()]
        PROBLEMS.add(name, _MAKERS[kind](name, source))
    return name


def bounds(count: int) -> list[tuple[int, int]]:
    """Train, validation and test as stretches of so many."""
    ends = [0, int(TRAIN * count), int((TRAIN + VALIDATION) * count), count]
    return list(pairwise(ends))


def pairs_of(path: Path) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """A line is a source, a tab and its translation, in words between spaces."""
    found = {}
    for number, line in lines(path):
        parts = line.split("\t")
        if len(parts) != 2 or not all(part.split() for part in parts):
            raise BadData(path, f"wanted a source, one tab and its translation; found {len(parts) - 1} tabs in {line[:60]!r}", number)
        found[tuple(parts[0].split())] = tuple(parts[1].split())
    if len(found) < FEWEST_PAIRS:
        raise BadData(path, f"{len(found)} different sources; {FEWEST_PAIRS} or more are needed")
    return list(found.items())


def series_of(path: Path) -> Tensor:
    """(rows, columns) of numbers, as they are; a first line of names is left out."""
    rows: list[list[float]] = []
    for number, line in lines(path):
        cells = next(csv.reader([line]))
        try:
            row = [float(cell) for cell in cells]
        except ValueError:
            if not rows and number == 1:
                continue
            bad = next(cell for cell in cells if not _is_number(cell))
            raise BadData(path, f"wanted numbers between commas; found {bad[:60]!r}", number) from None
        if not all(map(isfinite, row)):
            raise BadData(path, f"wanted finite numbers; found {line[:60]!r}", number)
        if rows and len(row) != len(rows[0]):
            raise BadData(path, f"wanted {len(rows[0])} columns, as before; found {len(row)}", number)
        rows.append(row)
    if len(rows) < FEWEST_ROWS:
        raise BadData(path, f"{len(rows)} rows of numbers; {FEWEST_ROWS} or more are needed")
    return torch.tensor(rows, dtype=torch.float64)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _pairs(name: str, path: Path) -> Problem:
    found = pairs_of(path)
    words = {word: code for code, word in enumerate(sorted({word for pair in found for side in pair for word in side}), SPECIAL)}
    if len(words) > MOST_WORDS:
        raise BadData(path, f"{len(words)} different words; at most {MOST_WORDS} are learned")
    order = torch.randperm(len(found), generator=seeded()).tolist()
    coded = [([words[word] for word in found[index][0]], [words[word] for word in found[index][1]]) for index in order]
    longest = max(max(len(source), len(target)) for source, target in coded) + 1

    def make(case: Case) -> Data:
        half = case.seq_len // 2
        if half < longest:
            raise Unsupported(f"{name} has sentences of {longest - 1} words: use --set seq_len={2 * longest}")

        def split(chosen: list[tuple[list[int], list[int]]]) -> Split:
            x, y = torch.full((len(chosen), case.seq_len), PAD), torch.full((len(chosen), case.seq_len), IGNORE)
            for row, (source, target) in enumerate(chosen):
                heard, said = torch.tensor([*source, SEPARATOR]), torch.tensor([*target, END])
                x[row, half - len(heard) : half] = heard
                x[row, half : half + len(said)] = said
                y[row, half - 1 : half - 1 + len(said)] = said
            return Split(x, y)

        parts = [coded[a:b] for a, b in bounds(len(coded))]
        commonest = Counter(tuple(target) for _, target in parts[0]).most_common(1)[0][0]
        trivial = sum(tuple(target) == commonest for _, target in parts[2]) / len(parts[2])
        train, validation, test = map(split, parts)
        return Data(train, validation, test, outputs=SPECIAL + len(words), trivial=trivial, vocabulary=SPECIAL + len(words))

    return _problem(name, f"translation of {len(found)} pairs of one's own", SEQUENCE, 0.95, "the commonest translation, always", make)


def _series(name: str, path: Path) -> Problem:
    rows = series_of(path)
    train_rows = rows[: bounds(len(rows))[0][1]]
    scaled = ((rows - train_rows.mean(0)) / train_rows.std(0).clamp(min=1e-12)).float()  # of the training rows alone: the rest is unseen

    def make(case: Case) -> Data:
        least_length(case, name, 2)

        def split(part: Tensor) -> Split:
            if len(part) < case.seq_len + HORIZON:
                raise Unsupported(f"{name}: a split has {len(part)} rows, {case.seq_len + HORIZON} are needed: use a smaller seq_len")
            x = part[:-HORIZON].unfold(0, case.seq_len, 1).transpose(1, 2).contiguous()
            y = part[case.seq_len :, 0].unfold(0, HORIZON, 1) - x[:, -1:, 0]
            return Split(x, y, unit=float(1 / y.abs().mean().clamp(min=1e-12)))

        train, validation, test = (split(scaled[a:b]) for a, b in bounds(len(scaled)))
        return Data(train, validation, test, outputs=HORIZON, trivial=1.0)

    about = f"the next {HORIZON} values of the first column of a series of {len(rows)} rows"
    return _problem(name, about, FORECAST, 0.9, "the last value (naive)", make)


def _characters(name: str, path: Path) -> Problem:
    text = "\n".join(line for _, line in lines(path))
    if len(text) < FEWEST_CHARACTERS:
        raise BadData(path, f"{len(text)} characters; {FEWEST_CHARACTERS} or more are needed")
    letters = {letter: code for code, letter in enumerate(sorted(set(text)))}
    codes = torch.tensor([letters[letter] for letter in text])

    def make(case: Case) -> Data:
        least_length(case, name, 2)
        parts = [passages(codes[a:b], case.seq_len) for a, b in bounds(len(codes))]
        if not all(len(part) for part in parts):
            raise Unsupported(f"{name} has {len(codes)} characters: use a smaller seq_len than {case.seq_len}")
        counts = torch.bincount(parts[0].x.flatten(), minlength=len(letters)) + 1.0
        trivial = -(counts / counts.sum()).log2()[parts[2].y].mean()
        train, validation, test = parts
        return Data(train, validation, test, outputs=len(letters), trivial=float(trivial), vocabulary=len(letters))

    return _problem(name, f"the next character of a text of {len(text)}", MODELLING, 2.5, "each character's frequency", make)


def _problem(name: str, about: str, kind: Kind, target: float, trivial: str, make: Callable[[Case], Data]) -> Problem:
    recipe = Recipe(lr=5e-3, max_steps=1500, eval_every=50)
    return Problem(name=name, about=about, kind=kind, target=target, trivial=trivial, make=make, recipe=recipe)


_MAKERS: dict[str, Callable[[str, Path], Problem]] = {"pairs": _pairs, "series": _series, "characters": _characters}
