"""The trials behind docs/gate.md.

python docs/evidence/gate.py simulate     # seconds: noise of known shape, no processes
python docs/evidence/gate.py history      # seconds: simulated series
python docs/evidence/gate.py real --minutes 30 --out trials.jsonl     # real processes; go on by the same command
python docs/evidence/gate.py judge --out trials.jsonl                 # what every rule says of what `real` left
"""

import argparse
import contextlib
import json
import random
import subprocess
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pytest_benchmark.utils import PercentageRegressionCheck
from scipy import stats

from rnnbench.analysis.changepoints import shifts
from rnnbench.analysis.compare import Trial, decide
from rnnbench.analysis.evidence import Sample
from rnnbench.analysis.policy import ALPHA, MIN_EFFECT
from rnnbench.analysis.sequential import ALPHA as SPENT
from rnnbench.analysis.sequential import LookPlan, confirmed, decided
from rnnbench.analysis.verdict import Finding

SEED = 20260301
HERE = Path(__file__).parent
BURST = """
import random, time
while True:
    end = time.time() + random.expovariate(1 / 1.5)
    while time.time() < end:
        sum(range(1000))
    time.sleep(random.expovariate(1 / 4))
"""


@dataclass(frozen=True)
class Pairs:
    """Rounds of so many pairs of processes, adjacent in time: (pairs, rounds) seconds of A and of B."""

    a: np.ndarray
    b: np.ndarray

    def __len__(self) -> int:
        return len(self.a)

    def some(self, first: int, count: int) -> "Pairs":
        """`count` of them from `first`."""
        return Pairs(self.a[first : first + count], self.b[first : first + count])


def trial(pairs: Pairs, *, paired: bool) -> Trial:
    """As compare and duet make one."""
    a, b = np.median(pairs.a, axis=1), np.median(pairs.b, axis=1)
    finding = Finding(case="x", metric="step_time_s", verdict="inconclusive", min_effect=MIN_EFFECT, processes=(len(a), len(b)))
    return Trial(finding, Sample.of(a, b, paired=paired))


def by_compare(pairs: Pairs) -> str:
    """`rnnbench compare` of two runs of so many processes."""
    return decide([trial(pairs, paired=False)], ALPHA)[0].verdict


def by_duet(pairs: Pairs) -> str:
    """`rnnbench duet`: looks after 5, 10 and 20 pairs, each flag confirmed on fresh ones."""
    plan = LookPlan()
    for look, stage in enumerate(plan.stages):
        found = decided([trial(pairs.some(0, stage), paired=True)], plan.level(look), 1)
        for flag in found.values():
            if flag.verdict == "equivalent":
                return "equivalent"
            return confirmed(flag, trial(pairs.some(stage, plan.fresh(stage)), paired=True), SPENT).verdict
    return "inconclusive"


def by_pytest_benchmark(pairs: Pairs) -> str:
    """`--benchmark-compare-fail=mean:5%`, with pytest-benchmark's own check: one session a side."""
    current, before = ({"mean": float(np.mean(rounds[0]))} for rounds in (pairs.b, pairs.a))
    return "regressed" if PercentageRegressionCheck("mean", 5).fails(current, before) else "fine"


def by_asv(pairs: Pairs, limit: float = 1.1) -> str:
    """asv's rule, as its documentation has it: medians differ by the factor, and a U test over the pooled rounds of two processes."""
    a, b = pairs.a[:2].ravel(), pairs.b[:2].ravel()
    if np.median(b) <= limit * np.median(a):
        return "fine"
    return "regressed" if stats.mannwhitneyu(a, b).pvalue < 0.002 else "fine"


RULES: dict[str, tuple[int, Callable[[Pairs], str]]] = {
    "rnnbench compare, 10 processes": (10, by_compare),
    "rnnbench compare, 20 processes": (20, by_compare),
    "rnnbench duet, up to 20 pairs": (40, by_duet),
    "pytest-benchmark mean:5%": (1, by_pytest_benchmark),
    "asv, factor 1.1": (2, by_asv),
    "asv, factor 1.05": (2, lambda pairs: by_asv(pairs, 1.05)),
}


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
    for name, (count, rule) in RULES.items():
        for shape in ("quiet", "bursts"):
            rng = np.random.default_rng(SEED)
            shares = []
            for effect in effects:
                said = [rule(simulated(rng, shape, effect, count)) for _ in range(repeats)]
                shares.append(said.count("regressed") / repeats)
            print(f"| {name} | {shape} | " + " | ".join(f"{share:.1%}" for share in shares) + " |", flush=True)


def series(rng: np.random.Generator, count: int, correlation: float) -> np.ndarray:
    """Noise of 1.5 %, each run like the one before it to some extent; one run in twenty is 10 % to 170 % slower."""
    noise = rng.normal(0, 0.015, count)
    for index in range(1, count):
        noise[index] = correlation * noise[index - 1] + np.sqrt(1 - correlation**2) * noise[index]
    return 0.01 * np.exp(noise + (rng.random(count) < 0.05) * rng.uniform(0.1, 1, count))


def history(repeats: int) -> None:
    """False alarms in 200 points, and a step of 10 % with five points behind it."""
    print(f"{repeats} series each, seed {SEED}\n")
    print("| correlation of neighbours | series of 200 with a false alarm | +10 % found within 5 points |\n| --- | --- | --- |")
    for correlation in (0.0, 0.3):
        rng = np.random.default_rng(SEED)
        false = sum(bool(shifts(series(rng, 200, correlation))) for _ in range(repeats))
        found = 0
        for _ in range(repeats):
            values = series(rng, 105, correlation)
            values[100:] *= 1.1
            found += any(98 <= one.at <= 102 for one in shifts(values))
        print(f"| {correlation} | {false / repeats:.2%} | {found / repeats:.1%} |")


@contextlib.contextmanager
def load(condition: str) -> Iterator[None]:
    """Nothing, or a process that is busy for 1.5 s and idle for 4 s, on average."""
    if condition == "quiet":
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", BURST])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def products_for(share: float) -> int:
    """How many products make a step of the case so much slower: both timed here, in turn, medians of 200."""
    import torch

    sys.path.insert(0, str(HERE))
    from planted import SIDE

    torch.set_num_threads(1)
    case = the_case()
    lstm, one = torch.nn.LSTM(case.input_size, case.hidden_size, case.depth).eval(), torch.ones(SIDE, SIDE) / SIDE
    x = torch.randn(case.seq_len, case.batch_size, case.input_size)
    spent: dict[str, list[float]] = defaultdict(list)
    with torch.no_grad():
        for _ in range(200):
            for name, work in (("step", lambda: lstm(x)), ("products", lambda: [one @ one for _ in range(50)])):
                before = time.perf_counter()
                work()
                spent[name].append(time.perf_counter() - before)
    return round(share * np.median(spent["step"]) / (np.median(spent["products"]) / 50))


def the_case():
    """One forward case of about a millisecond."""
    from rnnbench.case import Case

    return Case(suite="depth", variant="planted_lstm", phase="forward", depth=1, hidden_size=128, input_size=128, batch_size=8, seq_len=32)


def real(out: Path, minutes: float, chunk: int) -> None:
    """Pairs of real processes, one effect and condition after another, each on disk at once; ends when the time is spent."""
    from rnnbench.runs.contender import Contender
    from rnnbench.runs.duet import duet
    from rnnbench.runs.request import Request

    axes = the_case().as_dict()
    sets = [f"{name}={'none' if value is None else str(value).lower()}" for name, value in axes.items() if name not in ("suite", "device")]
    end = time.monotonic() + minutes * 60
    planned = [(condition, effect) for condition in ("quiet", "bursts") for effect in (0.0, 0.02, 0.05, 0.10)]
    products = {effect: products_for(effect) if effect else 0 for effect in (0.0, 0.02, 0.05, 0.10)}
    print(f"planted products for each effect: {products}", file=sys.stderr)
    request = Request(
        suites=("depth",), device="cpu", preset="quick", sets=tuple(sets), plugins=(str(HERE / "planted.py"),),
        results=out.with_suffix(".runs"), budget={"max_time_s": 0.05, "min_rounds": 20}, threads=1,
    )  # fmt: skip
    random.seed(SEED)
    while time.monotonic() < end:
        for condition, effect in planted_order(out, planned):
            if time.monotonic() >= end:
                return
            a, b = (
                Contender(side=side, label=side, environment={"RNNBENCH_PLANT": str(count)})
                for side, count in (("A", 0), ("B", products[effect]))
            )
            with load(condition), duet(request, a, b, "evidence", print) as playing:
                for _ in range(chunk):
                    playing.play(playing.pairs, 1)
                    rows = [side.records[-1] for side in playing.sides]
                    if all(row.status == "ok" for row in rows):
                        line = {
                            "condition": condition,
                            "effect": effect,
                            "a": rows[0].times_s[:50],
                            "b": rows[1].times_s[:50],
                            "notes": rows[1].notes,
                        }
                        with out.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(line) + "\n")
                playing.finish(interrupted=False)


def planted_order(out: Path, planned: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Those with the fewest pairs so far first."""
    counts = defaultdict(int, {key: len(rows) for key, rows in read(out).items()})
    return sorted(planned, key=lambda key: counts[key])


def read(out: Path) -> dict[tuple[str, float], list[dict]]:
    """What `real` has left so far; a half-written last line is left out."""
    found: dict[tuple[str, float], list[dict]] = defaultdict(list)
    for line in out.read_text(encoding="utf-8").splitlines() if out.exists() else []:
        with contextlib.suppress(ValueError):
            row = json.loads(line)
            found[(row["condition"], row["effect"])].append(row)
    return found


def judge(out: Path) -> None:
    """Every rule on disjoint blocks of the real pairs, in the order in which they were measured."""
    print("| rule | load | effect | comparisons | regressed | median B ÷ A |\n| --- | --- | --- | --- | --- | --- |")
    for (condition, effect), rows in sorted(read(out).items()):
        fewest = min(len(row[side]) for row in rows for side in "ab")
        pairs = Pairs(*(np.array([row[side][:fewest] for row in rows]) for side in "ab"))
        ratio = float(np.median(np.median(pairs.b, axis=1) / np.median(pairs.a, axis=1)))
        for name, (count, rule) in RULES.items():
            blocks = range(0, len(pairs) - count + 1, count)
            said = [rule(pairs.some(first, count)) for first in blocks]
            if said:
                print(f"| {name} | {condition} | {effect:.0%} | {len(said)} | {said.count('regressed')} | {ratio:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("tests", "simulate", "history", "real", "judge"))
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--chunk", type=int, default=20, help="pairs between one change of effect and the next")
    parser.add_argument("--out", type=Path, default=Path("trials.jsonl"))
    asked = parser.parse_args()
    {
        "tests": lambda: tests(asked.repeats),
        "simulate": lambda: simulate(asked.repeats),
        "history": lambda: history(asked.repeats),
        "real": lambda: real(asked.out, asked.minutes, asked.chunk),
        "judge": lambda: judge(asked.out),
    }[asked.what]()


if __name__ == "__main__":
    main()
