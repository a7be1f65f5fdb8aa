"""A .tsv file: each line is a source, a tab and its translation, with words separated by spaces."""

from collections import Counter
from pathlib import Path

import torch

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.own_data import BadData, DataSource, lines
from rnnbench.tasks._kinds import IGNORE, SEQUENCE
from rnnbench.tasks._own.splits import bounds, problem
from rnnbench.tasks._problem import Data, Problem, Split, seeded

FEWEST_PAIRS = 50
MOST_WORDS = 20_000
PAD, SEPARATOR, END = 0, 1, 2
SPECIAL = 3

Words = tuple[str, ...]
Pair = tuple[Words, Words]


def read(path: Path) -> dict[Words, list[Words]]:
    """Each source with its translations, in the order of the file; duplicate lines count once."""
    found: dict[Words, list[Words]] = {}
    for number, line in lines(path):
        parts = line.split("\t")
        if len(parts) != 2 or not all(part.split() for part in parts):
            raise BadData(path, f"wanted a source, one tab and its translation; found {len(parts) - 1} tabs in {line[:60]!r}", number)
        source, target = (tuple(part.split()) for part in parts)
        if target not in found.setdefault(source, []):
            found[source].append(target)
    if len(found) < FEWEST_PAIRS:
        raise BadData(path, f"{len(found)} different sources; {FEWEST_PAIRS} or more are needed")
    if len({target for targets in found.values() for target in targets}) == 1:
        raise BadData(
            path, f"every source has the same translation, {' '.join(next(iter(found.values()))[0])[:60]!r}: there is nothing to learn"
        )
    return found


def pairs(name: str, source: DataSource) -> Problem:
    """The problem of translation as one sequence: the source ends in the middle, and its translation follows. Data are split by source:
    all translations of a source are in the same split."""
    found = read(source.path)
    texts = {word for source, targets in found.items() for text in (source, *targets) for word in text}
    words = {word: code for code, word in enumerate(sorted(texts), SPECIAL)}
    if len(words) > MOST_WORDS:
        raise BadData(source.path, f"{len(words)} different words; at most {MOST_WORDS} are learned")
    sources = list(found)
    order = [sources[index] for index in torch.randperm(len(sources), generator=seeded()).tolist()]
    parts = [[(source, target) for source in order[a:b] for target in found[source]] for a, b in bounds(len(order))]
    longest = max(len(text) for part in parts for pair in part for text in pair) + 1
    commonest = Counter(target for _, target in parts[0]).most_common(1)[0][0]
    trivial = sum(target == commonest for _, target in parts[2]) / len(parts[2])

    def make(case: Case) -> Data:
        half = case.seq_len // 2
        if half < longest:
            raise Unsupported(f"{name} has sentences of {longest - 1} words: use --set seq_len={2 * longest}")
        train, validation, test = (_split(part, words, case.seq_len) for part in parts)
        return Data(train, validation, test, outputs=SPECIAL + len(words), trivial=trivial, vocabulary=SPECIAL + len(words))

    return problem(name, _about(found), SEQUENCE, 0.95, "always the commonest translation", make)


def _split(chosen: list[Pair], words: dict[str, int], seq_len: int) -> Split:
    half = seq_len // 2
    x, y = torch.full((len(chosen), seq_len), PAD), torch.full((len(chosen), seq_len), IGNORE)
    for row, (source, target) in enumerate(chosen):
        encoder_input = torch.tensor([*(words[word] for word in source), SEPARATOR])
        translation = torch.tensor([*(words[word] for word in target), END])
        x[row, half - len(encoder_input) : half] = encoder_input
        x[row, half : half + len(translation)] = translation
        y[row, half - 1 : half - 1 + len(translation)] = translation
    return Split(x, y)


def _about(found: dict[Words, list[Words]]) -> str:
    count, several = sum(map(len, found.values())), sum(len(targets) > 1 for targets in found.values())
    more = f"; {several} sources have several translations, each of which counts as one pair" if several else ""
    return f"translation of {count} pairs of your own{more}"
