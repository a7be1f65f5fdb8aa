"""Translation between two artificial languages: words are mapped, adjectives follow their nouns, the verb comes last.

The first half of a sequence is the source and a separator, the second half its translation. An encoder and a decoder can read one half
each, and a single recurrent network can learn it too: `the small dog sees a cat | dog small the cat a sees .` in numbers. Only the
translation has labels: each word is predicted from all earlier ones.
"""

from collections import Counter

import torch
from torch import Generator

from rnnbench.case import Case
from rnnbench.tasks._kinds import IGNORE, SEQUENCE
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split, least_length, seeded

DETERMINERS, ADJECTIVES, NOUNS, VERBS = 2, 6, 10, 8
WORDS = DETERMINERS + ADJECTIVES + NOUNS + VERBS
PAD, SEPARATOR, END = 0, 1, 2
SOURCE, TARGET = 3, 3 + WORDS  # the first word of either language
LONGEST = 2 * (1 + 2 + 1) + 1  # two phrases of a determiner, up to two adjectives and a noun; and a verb
SIZES = (20_000, 500, 1_000)

Words = tuple[int, ...]


def sentence(generator: Generator) -> tuple[Words, Words]:
    """The words of a source sentence, numbered from 0 to WORDS, and of its translation with the same numbers."""

    def word(first: int, count: int) -> int:
        return first + int(torch.randint(count, (), generator=generator))

    def phrase() -> tuple[int, list[int], int]:
        adjectives = [word(DETERMINERS, ADJECTIVES) for _ in range(word(0, 3))]
        return word(0, DETERMINERS), adjectives, word(DETERMINERS + ADJECTIVES, NOUNS)

    (one, how, who), (other, what, whom) = phrase(), phrase()
    verb = word(WORDS - VERBS, VERBS)
    return (one, *how, who, verb, other, *what, whom), (who, *how, one, whom, *what, other, verb)


def encode(pairs: list[tuple[Words, Words]], seq_len: int) -> Split:
    """x: (n, seq_len) of tokens: padding, source and separator in the first half; translation, end and padding in the second.
    y: (n, seq_len), the next token of the translation."""
    half = seq_len // 2
    x, y = torch.full((len(pairs), seq_len), PAD), torch.full((len(pairs), seq_len), IGNORE)
    for row, (source, target) in enumerate(pairs):
        translation = [TARGET + word for word in target] + [END]
        encoder_input = [*(SOURCE + word for word in source), SEPARATOR]
        x[row, half - len(encoder_input) : half + len(translation)] = torch.tensor(encoder_input + translation)
        y[row, half - 1 : half - 1 + len(translation)] = torch.tensor(translation)
    return Split(x, y)


def make(case: Case) -> Data:
    """The data. No sentence is in two splits. The trivial predictor always answers the training split's commonest translation."""
    least_length(case, "grammar", 2 * LONGEST + 2)
    generator = seeded()
    pairs: dict[Words, Words] = {}
    while len(pairs) < sum(SIZES):
        source, target = sentence(generator)
        pairs[source] = target
    every = list(pairs.items())
    bounds = (slice(SIZES[0]), slice(SIZES[0], sum(SIZES[:2])), slice(sum(SIZES[:2]), None))
    train, validation, test = (encode(every[part], case.seq_len) for part in bounds)
    commonest = Counter(target for _, target in every[bounds[0]]).most_common(1)[0][0]
    trivial = sum(target == commonest for _, target in every[bounds[2]]) / SIZES[2]
    return Data(train, validation, test, outputs=TARGET + WORDS, trivial=trivial, vocabulary=TARGET + WORDS)


PROBLEMS.add(
    "grammar",
    Problem(
        name="grammar",
        about="translation between two artificial languages",
        kind=SEQUENCE,
        target=0.95,
        trivial="always the commonest translation",
        make=make,
        recipe=Recipe(lr=5e-3, max_steps=3000, eval_every=50),
    ),
)
