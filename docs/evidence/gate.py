"""The trials behind docs/gate.md.

python docs/evidence/gate.py tests        # minutes: which test holds its level and sees most
python docs/evidence/gate.py simulate     # minutes: noise of known shape, no processes
python docs/evidence/gate.py real --load quiet --minutes 20 --out trials.jsonl    # real processes; goes on by the same command
python docs/evidence/gate.py judge --out trials.jsonl                             # what every rule says of what `real` left

docs/evidence/levels.py simulates error rates, power and coverage.
"""

import argparse
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rules import RULES, Pairs, by_compare
from scipy import stats
from trials import judge, real

from rnnbench.gate.policy import ALPHA, MIN_EFFECT

SEED = 20260301


def simulated(rng: np.random.Generator, shape: str, effect: float, count: int, rounds: int = 20) -> Pairs:
    """Processes differ by 1.5 %, rounds within one by 2 %; pairs drift together by 2 %. `bursts` slow every fifth process."""
    common = rng.normal(0, 0.02, (count, 1))
    sides = []
    for slow in (0.0, np.log1p(effect)):
        own = rng.normal(0, 0.015, (count, 1))
        if shape == "bursts":
            own = own + (rng.random((count, 1)) < 0.2) * rng.exponential(0.15, (count, 1))
        sides.append(0.01 * np.exp(slow + common + own + rng.normal(0, 0.02, (count, rounds))))
    return Pairs(*sides)


SHAPES: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.normal(0, 0.02, shape),
    "skewed": lambda rng, shape: rng.exponential(0.02, shape),
    "two humps": lambda rng, shape: rng.normal(0, 0.006, shape) + (rng.random(shape) < 0.5) * 0.04,
    "bursts": lambda rng, shape: rng.normal(0, 0.02, shape) + (rng.random(shape) < 0.2) * rng.exponential(0.15, shape),
}


def candidates(a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    """p-values of each test, row by row, that b is above a by more than the minimum effect."""
    b = b - np.log1p(MIN_EFFECT)
    one = {"axis": 1, "alternative": "greater"}
    return {
        "Welch": stats.ttest_ind(b, a, equal_var=False, **one).pvalue,
        "Yuen, trimmed 20 %": stats.ttest_ind(b, a, equal_var=False, trim=0.2, **one).pvalue,
        "Mann–Whitney": stats.mannwhitneyu(b, a, method="exact", **one).pvalue,
        "Brunner–Munzel": stats.brunnermunzel(b, a, **one).pvalue,
        "paired t": stats.ttest_1samp(b - a, 0, **one).pvalue,
        "signed-rank": stats.wilcoxon(b - a, method="exact", **one).pvalue,
    }


def tests(repeats: int) -> None:
    """Share of trials in which each test, alone and at 0.01, calls B worse by more than 2 %."""
    print(f"{repeats} trials each, seed {SEED}; columns: equal / 2 % / 5 % / 10 % slower, in per cent\n")
    for count in (3, 5, 10, 20):
        for shape, draw in SHAPES.items():
            rng = np.random.default_rng(SEED)
            shares = defaultdict(list)
            for effect in (0, 0.02, 0.05, 0.10):
                with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
                    found = candidates(draw(rng, (repeats, count)), draw(rng, (repeats, count)) + np.log1p(effect))
                for name, p in found.items():
                    shares[name].append(np.mean(p <= ALPHA))
            for name, row in shares.items():
                print(f"| {count} | {shape} | {name} | " + " / ".join(f"{share:.1%}" for share in row) + " |")


def simulate(repeats: int) -> None:
    """Every rule on noise of known shape."""
    print(f"share of {repeats} trials called regressed, seed {SEED}\n")
    effects = (0.0, 0.02, 0.05, 0.10)
    print("| rule | noise | " + " | ".join(f"{effect:.0%} slower" for effect in effects) + " |")
    print("| --- | --- " + "| --- " * len(effects) + "|")
    compares = {f"compare, {count} processes": (2 * count, lambda one, count=count: by_compare([one], count, None)) for count in (10, 20)}
    for name, (count, rule) in {**compares, **RULES}.items():
        for shape in ("quiet", "bursts"):
            rng = np.random.default_rng(SEED)
            shares = []
            for effect in effects:
                said = [rule(simulated(rng, shape, effect, count))[0] for _ in range(repeats)]
                shares.append(said.count("regressed") / repeats)
            print(f"| {name} | {shape} | " + " | ".join(f"{share:.1%}" for share in shares) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("tests", "simulate", "real", "judge"))
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--load", choices=("quiet", "bursts"), default="quiet", help="what `real` runs beside the pairs")
    parser.add_argument("--apart", action="store_true", help="`real` runs one process of a pair after the other, not by turns")
    parser.add_argument("--out", type=Path, default=Path("trials.jsonl"))
    asked = parser.parse_args()
    {
        "tests": lambda: tests(asked.repeats),
        "simulate": lambda: simulate(asked.repeats),
        "real": lambda: real(asked.out, asked.minutes, asked.load, apart=asked.apart),
        "judge": lambda: judge(asked.out),
    }[asked.what]()


if __name__ == "__main__":
    main()
