"""What docs/gate.md says of trainings compared over seeds: false alarms and power, simulated and of real trainings.

python docs/evidence/seeds.py simulate                              # steps and errors of known spread
python docs/evidence/seeds.py real RUN [--against RUN]              # random groups of seeds of one run, or of two
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import CensoredData, binomtest, logrank

from rnnbench.analysis.seed_tests import EFFECT, LEVEL, SeedSample, decide
from rnnbench.gate.compare import compare
from rnnbench.gate.policy import Policy
from rnnbench.gate.side import Side
from rnnbench.gate.sources import side
from rnnbench.gate.trainings import is_training

SEED = 20261126
SPREADS = {"steps differ by 20 %": 0.2, "by 40 %": 0.4}
MISSED = {"all reach the target": np.inf, "a quarter miss it": 0.674}  # standard deviations above the median
EVERY = 25  # steps between looks at the validation split


def steps(luck: np.random.Generator, count: int, spread: float, missed: float, ratio: float = 1.0) -> list[float]:
    """Log-normal around 500, seen at every 25th step, infinite beyond the horizon."""
    found = np.ceil(500 * ratio * np.exp(luck.normal(0, spread, count)) / EVERY) * EVERY
    return [float(one) if one <= horizon(spread, missed) else np.inf for one in found]


def horizon(spread: float, missed: float) -> float:
    return float(500 * np.exp(spread * missed)) if np.isfinite(missed) else np.inf


def samples(luck: np.random.Generator, groups: int, seeds: int, spread: float, missed: float, ratio: float) -> list[SeedSample]:
    """Groups of equal trainings, of which the first is slower by `ratio`."""
    return [
        SeedSample(
            steps(luck, seeds, spread, missed), steps(luck, seeds, spread, missed, ratio if not number else 1.0), horizon(spread, missed)
        )
        for number in range(groups)
    ]


def share(count: int, total: int) -> str:
    """Of all, and the end of its 95 % interval."""
    return f"{count / total:.1%} (at most {binomtest(count, total).proportion_ci(0.9, 'exact').high:.1%})"


def simulated(repeats: int) -> Iterator[tuple[object, ...]]:
    """How often a comparison fails of equal trainings, and of one group that needs 1.5, 2 and 3 times the steps."""
    for (name, spread), (held, missed) in ((a, b) for a in SPREADS.items() for b in MISSED.items()):
        for seeds in (5, 10, 20):
            for groups in (1, 10):
                row: list[object] = [f"{name}, {held}", seeds, groups]
                for ratio in (1.0, 1.5, 2.0, 3.0):
                    luck = np.random.default_rng(SEED)
                    tried = repeats if ratio == 1.0 else max(100, repeats // 4)
                    failed = 0
                    for _ in range(tried):
                        found = decide(samples(luck, groups, seeds, spread, missed, ratio), [EFFECT] * groups, intervals=False)
                        failed += any(one.certain for one in found)
                    row.append(share(failed, tried) if ratio == 1.0 else f"{failed / tried:.0%}")
                yield tuple(row)


def asymptotic(repeats: int) -> Iterator[tuple[object, ...]]:
    """Of equal trainings, how often scipy's log-rank test calls the candidate slower at the same level."""
    for seeds in (5, 10, 20):
        luck, failed = np.random.default_rng(SEED), 0
        for _ in range(repeats):
            base, candidate = (CensoredData(uncensored=steps(luck, seeds, 0.4, np.inf)) for _ in range(2))
            failed += logrank(base, candidate, alternative="greater").pvalue <= LEVEL
        yield seeds, share(failed, repeats)


def table(head: str, rows: Iterator[tuple[object, ...]]) -> None:
    """A Markdown table, row by row as they come."""
    print(f"| {head} |\n|{' --- |' * len(head.split(' | '))}")
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


def real(base: Side, candidate: Side | None, repeats: int) -> Iterator[tuple[object, ...]]:
    """Random groups of seeds, compared as `rnnbench compare` does. Groups of one comparison share no seed; those of several do."""
    ours = [one for one in base.cases.values() if is_training(one)]
    theirs = [one for one in candidate.cases.values() if is_training(one)] if candidate else []
    for seeds in (5, 10, 20):
        luck, verdicts = np.random.default_rng(SEED), []
        for _ in range(repeats):
            drawn = [ours[place] for place in luck.permutation(len(ours))]
            other = [theirs[place] for place in luck.permutation(len(theirs))][:seeds] if candidate else drawn[seeds : 2 * seeds]
            sides = [replace(base, label=name, cases={one.id: one for one in some}) for name, some in (("a", drawn[:seeds]), ("b", other))]
            twins = {one.id: mate.id for one, mate in zip(other, drawn, strict=False)} if candidate else {}
            found = compare(sides[0], replace(sides[1], aliases=twins), Policy(only="sampled"))
            verdicts += [one.verdict + ("" if one.failing or one.verdict != "regressed" else " (listed)") for one in found.findings
                         if one.metric == "steps_to_target"]  # fmt: skip
        counts = {name: verdicts.count(name) for name in sorted(set(verdicts))}
        yield seeds, share(counts.get("regressed", 0), repeats), ", ".join(f"{count} {name}" for name, count in counts.items())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("simulate", "real"))
    parser.add_argument("run", nargs="?")
    parser.add_argument("--against")
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--results", type=Path, default=Path("results"))
    asked = parser.parse_args()
    if asked.what == "simulate":
        table("trainings | seeds a side | groups | equal: fails | 1.5× the steps | 2× | 3×", simulated(asked.repeats))
        print()
        table("seeds a side | scipy.stats.logrank calls equal trainings slower", asymptotic(10 * asked.repeats))
    else:
        ends = [side(name, asked.results) for name in (asked.run, asked.against) if name]
        table("seeds a side | fails | verdicts", real(ends[0], ends[1] if asked.against else None, asked.repeats))
