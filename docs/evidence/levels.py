"""What docs/gate.md says of error rates, power and coverage, by simulation with a fixed seed.

python docs/evidence/levels.py compare     # equal code, many cases: how often a comparison ends with 3
python docs/evidence/levels.py duet        # equal code, many cases: flags, and what is left of them
python docs/evidence/levels.py canary      # equal code beside a canary that wavers
python docs/evidence/levels.py power       # how often the change is found that the output says would be found nine times of ten
python docs/evidence/levels.py doctor      # how often a duet finds what the doctor says it would find nine times of ten
python docs/evidence/levels.py intervals   # coverage of each kind of interval that is shown
python docs/evidence/levels.py history     # series without a change point, and with one
python docs/evidence/levels.py pending     # series without a change, and with one in the newest runs
"""

import argparse
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np
from scipy.stats import binomtest

from rnnbench.analysis import fit
from rnnbench.analysis.changepoints import pending, shifts
from rnnbench.analysis.convergence import censored_median
from rnnbench.analysis.pairing import beyond_seeds
from rnnbench.gate.canary import machine_ends
from rnnbench.gate.noise import smallest
from rnnbench.gate.policy import ALPHA, MIN_EFFECT
from rnnbench.gate.statistics.decide import NO_DRIFT, Hypothesis, decide
from rnnbench.gate.statistics.evidence import Sample, weigh
from rnnbench.gate.statistics.sequential import ALPHA as SPENT
from rnnbench.gate.statistics.sequential import Key, LookPlan, confirmed, decided
from rnnbench.gate.verdict import Finding

SEED = 20261105
Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
NOISES: dict[str, Noise] = {
    "normal, 1.5 %": lambda luck, shape: luck.normal(0, 0.015, shape),
    "bimodal, 6 % apart": lambda luck, shape: luck.normal(0, 0.003, shape) + (luck.random(shape) < 0.5) * np.log(1.06),
    "bursts": lambda luck, shape: luck.normal(0, 0.015, shape) + (luck.random(shape) < 0.2) * luck.exponential(0.15, shape),
}


def hypotheses(base: np.ndarray, candidate: np.ndarray, *, paired: bool = False, drift: tuple[float, float] = NO_DRIFT) -> list[Hypothesis]:
    """One a row of logarithms."""
    finding = Finding(case="", metric="step_time_s", verdict="inconclusive", min_effect=MIN_EFFECT, processes=base.shape[1:] * 2)
    named = (Finding(**{name: getattr(finding, name) for name in finding.__slots__} | {"case": str(row)}) for row in range(len(base)))
    return [Hypothesis(one, Sample(a, b, paired), drift) for one, a, b in zip(named, base, candidate, strict=True)]


def share(count: int, total: int) -> str:
    """Of all, and the end of its 95 % interval."""
    return f"{count / total:.1%} (at most {binomtest(count, total).proportion_ci(0.9, 'exact').high:.1%})"


def table(head: str, rows: Iterator[tuple[object, ...]]) -> None:
    """A Markdown table, row by row as they come."""
    cells = head.split(" | ")
    print(f"| {head} |\n|{' --- |' * len(cells)}")
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


def compare(repeats: int) -> Iterator[tuple[object, ...]]:
    for name, noise in NOISES.items():
        for count in (5, 10):
            for cases in (1, 48, 200):
                luck, tried = np.random.default_rng(SEED), max(40, repeats // (1 if cases < 200 else 4))
                found = [decide(hypotheses(*noise(luck, (2, cases, count))), ALPHA) for _ in range(tried)]
                failed, listed = (sum(any(getattr(one, kind) for one in each) for each in found) for kind in ("failing", "listed"))
                yield name, count, cases, share(failed, tried), share(listed, tried)


def duet(repeats: int) -> Iterator[tuple[object, ...]]:
    for name, noise in NOISES.items():
        for cases in (1, 48, 200):
            luck, flagged, reported, tried = np.random.default_rng(SEED), 0, 0, max(20, repeats // (1 if cases < 200 else 3))
            for _ in range(tried):
                flags, after = played(noise, luck, cases)
                flagged, reported = flagged + bool(flags), reported + any(one.verdict != "inconclusive" for one in after.values())
            yield name, cases, share(flagged, tried), share(reported, tried)


def played(noise: Noise, luck: np.random.Generator, cases: int, shift: float = 0.0) -> tuple[dict[Key, Finding], dict[Key, Finding]]:
    """One duet by the usual plan, with `shift` planted in the first case: what is flagged, and what fresh pairs make of it."""
    plan, flags, open_ = LookPlan(), {}, list(range(cases))

    def drawn(count: int, rows: int) -> np.ndarray:
        return noise(luck, (2, rows, count))

    planted = np.zeros((2, cases, 1))
    planted[1, 0] = shift
    values = drawn(40, cases) + planted
    for look, stage in enumerate(plan.stages):
        some = [one for one in hypotheses(*values[:, :, :stage], paired=True) if int(one.finding.case) in open_]
        for key, one in decided(some, plan.level(look), cases, SPENT).items():
            open_.remove(int(key[0]))
            flags |= {key: one} if one.verdict != "equivalent" else {}
    fresh = {}
    for key, flag in flags.items():
        first, more, row = flag.processes[0], plan.fresh(flag.processes[0], len(flags)), int(key[0])
        again = drawn(more, 1) + planted[:, [row]] if first + more > 40 else values[:, [row], first : first + more]
        fresh[key] = hypotheses(*again, paired=True)[0]
    return flags, confirmed(flags, fresh, SPENT) if flags else {}


def doctor(repeats: int) -> Iterator[tuple[object, ...]]:
    for pairs in (8, 20):
        for cases in (1, 48):
            luck, found, sizes, tried = np.random.default_rng(SEED), 0, [], repeats // (1 if cases == 1 else 4)
            for _ in range(tried):
                trial = Sample(*luck.normal(0, 0.01, (2, pairs)), paired=True)
                sizes.append(smallest(trial.spread, pairs, cases, SPENT))
                _, after = played(lambda luck, shape: luck.normal(0, 0.01, shape), luck, cases, np.log1p(sizes[-1]))
                found += any(key[0] == "0" and one.verdict == "regressed" for key, one in after.items())
            yield pairs, cases, f"{median(sizes):.1%}", f"{found / tried:.0%}"


def canary(repeats: int) -> Iterator[tuple[object, ...]]:
    for count in (5, 10):
        for drift in (0.0, 0.08):
            luck, failed, raw = np.random.default_rng(SEED), 0, 0
            for _ in range(repeats):
                humps = NOISES["bimodal, 6 % apart"](luck, (2, count)) + np.array([[0.0], [np.log1p(drift)]])
                quiet = luck.normal(0, 0.003, (2, 12, count)) + np.array([0.0, np.log1p(drift)])[:, None, None]
                ends = machine_ends(Sample(*humps, paired=False), ALPHA)
                failed += any(
                    one.failing for one in decide(hypotheses(*quiet, drift=ends or NO_DRIFT), ALPHA, spent=ALPHA / 2 if ends else 0)
                )
                freed = quiet[1] - (np.median(humps[1]) - np.median(humps[0]))
                raw += any(one.failing for one in decide(hypotheses(quiet[0], freed), ALPHA))
            yield count, f"{drift:.0%}", share(raw, repeats), share(failed, repeats)


def power(repeats: int) -> Iterator[tuple[object, ...]]:
    for count in (5, 10, 20):
        for cases in (1, 20, 500):
            luck, found, sizes, tried = np.random.default_rng(SEED), 0, [], max(30, repeats // (1 if cases < 500 else 5))
            for _ in range(tried):
                stated = decide(hypotheses(*luck.normal(0, 0.015, (2, cases, count))), ALPHA)[0].detectable or np.inf
                base, candidate = luck.normal(0, 0.015, (2, cases, count))
                candidate[0] += np.log1p(stated)
                sizes.append(stated)
                found += decide(hypotheses(base, candidate), ALPHA)[0].failing
            yield count, cases, f"{median(sizes):.1%}", f"{found / tried:.0%}"


def intervals(repeats: int) -> Iterator[tuple[object, ...]]:
    for name, noise in NOISES.items():
        for paired, level in ((False, ALPHA), (True, SPENT)):
            for count in (5, 10, 20):
                luck, kept = np.random.default_rng(SEED), []
                for _ in range(repeats):
                    found = weigh(Sample(*(noise(luck, (2, count)) + np.array([[0.0], [np.log(1.1)]])), paired), MIN_EFFECT, level)
                    kept.append((found.low <= 1.1 <= found.high, found.coverage))
                kind = "duet, Hodges–Lehmann" if paired else "compare, Hodges–Lehmann"
                yield kind, f"{name}, {count}", f"{kept[0][1]:.1%}", f"{np.mean([one for one, _ in kept]):.1%}"
    yield from _fits(repeats)
    yield from _rates(repeats)
    yield from _medians(repeats)
    yield from _tails(repeats)
    yield from _means(repeats)


def _medians(repeats: int) -> Iterator[tuple[object, ...]]:
    for count in (3, 5, 10, 30, 200):
        luck = np.random.default_rng(SEED)
        found = [fit.median_interval(luck.exponential(1, count)) for _ in range(repeats)]
        yield (
            "median",
            f"{count} skewed values",
            f"{found[0].coverage:.1%}",
            f"{np.mean([one.low <= np.log(2) <= one.high for one in found]):.1%}",
        )
    for count in (3, 5, 10):
        luck, held = np.random.default_rng(SEED), []
        for _ in range(repeats):
            times = luck.exponential(1, count)
            found = censored_median(list(times[times < 1.2]), [1.2] * int(np.sum(times >= 1.2)))
            held.append(found.low <= np.log(2) <= found.high)
        yield "median to target", f"{count} seeds, some censored", f"{found.coverage:.1%}", f"{np.mean(held):.1%}"
    for count in (5, 10):
        luck = np.random.default_rng(SEED)
        told = np.mean([beyond_seeds(*map(list, luck.random((2, count)))) != 0 for _ in range(repeats)])
        yield "beyond seed variation, false", f"{count} seeds a side", "2.0% at most", f"{told:.1%}"
    for count in (2, 3, 4, 5, 10, 40):
        luck, held = np.random.default_rng(SEED), 0
        for _ in range(repeats):
            one, other = (fit.median_interval(np.exp(luck.normal(0, 0.05, count))) for _ in range(2))
            held += one.low / other.high <= 1 <= one.high / other.low
        yield (
            "ratio of two medians",
            f"{count} processes or rounds a side",
            f"{fit.quotient_coverage(count, count):.1%}",
            f"{held / repeats:.1%}",
        )


def _fits(repeats: int) -> Iterator[tuple[object, ...]]:
    for noise in (0.02, 0.1, 0.3):
        for xs in (np.array([1.0, 2, 4, 8]), np.array([1.0, 2, 4, 8, 16])):
            for kind, true, truth in (("power law", 1.7, lambda x: 0.5 * x**1.7), ("line", 3.0, lambda x: 2 + 3 * x)):
                luck, make = np.random.default_rng(SEED), fit.power if kind == "power law" else fit.line
                found = [make(xs, truth(xs) * np.exp(luck.normal(0, noise, len(xs)))) for _ in range(repeats)]
                quoted = [one for one in found if one.good]
                held = np.mean([one.low <= true <= one.high for one in quoted])
                yield (
                    f"{kind} that is quoted",
                    f"{len(xs)} points, {noise:.0%} noise",
                    "95.0%",
                    f"{held:.1%} ({len(quoted) / len(found):.0%} quoted)",
                )


def _rates(repeats: int) -> Iterator[tuple[object, ...]]:
    """Lines with small rates, which are quoted whether or not their interval contains zero."""
    xs = np.array([1.0, 2, 4, 8])
    error = 0.02 * 5 / np.sqrt(np.sum((xs - xs.mean()) ** 2))  # of the rate, at 2 % noise of a level of 5
    for times in (1, 3, 10):
        luck, rate = np.random.default_rng(SEED), times * error
        found = [fit.line(xs, 5 + rate * (xs - xs.mean()) + luck.normal(0, 0.1, len(xs))) for _ in range(repeats)]
        quoted = [one for one in found if one.good]
        held = np.mean([one.low <= rate <= one.high for one in quoted])
        yield "rate of a line", f"{times} standard errors from 0", "95.0%", f"{held:.1%} ({len(quoted) / len(found):.0%} quoted)"


def _tails(repeats: int) -> Iterator[tuple[object, ...]]:
    """Percentiles of rounds with a long tail, independent of each other."""
    for percent, rounds in ((95, 100), (95, 1000), (99, 500), (99, 5000)):
        luck, true = np.random.default_rng(SEED), -np.log(1 - percent / 100)
        found = [fit.quantile_interval(luck.exponential(1, rounds), percent / 100) for _ in range(repeats)]
        held = np.mean([one.low <= true <= one.high for one in found])
        yield f"p{percent}", f"{rounds:,} skewed rounds", f"{found[0].coverage:.1%}", f"{held:.1%}"


def _means(repeats: int) -> Iterator[tuple[object, ...]]:
    """The mean of rounds that end once it is known within a precision, as far as rounds are independent: `half_width_ratio`."""
    for precision, fewest in ((0.05, 5), (0.01, 7), (0.01, 100)):
        for spread in (0.02, 0.1):
            luck, held = np.random.default_rng(SEED), []
            for _ in range(repeats):
                rounds = 1 + spread * (luck.exponential(1, 4000) - 1)
                counts = np.arange(1, len(rounds) + 1)
                means = np.cumsum(rounds) / counts
                squares = np.maximum(np.cumsum(rounds**2) - counts * means**2, 0) / np.maximum(counts - 1, 1)
                half = 1.96 * np.sqrt(squares / counts)
                enough = np.flatnonzero((half <= precision * means) & (counts >= fewest))
                at = enough[0] if len(enough) else len(rounds) - 1
                held.append(abs(means[at] - 1) <= half[at])
            what = f"±{precision:.0%}, spread {spread:.0%}, {fewest} rounds or more"
            yield "mean, sampled until precise", what, "95.0%", f"{np.mean(held):.1%}"


def correlated(luck: np.random.Generator, count: int, by: float) -> np.ndarray:
    """Noise of 1.5 %, each run like the one before it to some extent."""
    noise = luck.normal(0, 0.015, count)
    for index in range(1, count):
        noise[index] = by * noise[index - 1] + np.sqrt(1 - by**2) * noise[index]
    return noise


def _spikes(luck: np.random.Generator, count: int) -> np.ndarray:
    return (luck.random(count) < 0.05) * luck.uniform(0.1, 1, count)


SERIES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal 1.5 %, spikes": lambda luck, count: luck.normal(0, 0.015, count) + _spikes(luck, count),
    "bimodal, 6 % apart": lambda luck, count: luck.normal(0, 0.003, count) + (luck.random(count) < 0.5) * 0.06,
    "spread 0.5 %, then 4 %": lambda luck, count: luck.normal(0, 1, count) * np.where(np.arange(count) < count / 2, 0.005, 0.04),
    "spread 0.5 and 4 % by twenties": lambda luck, count: luck.normal(0, 1, count) * np.where(np.arange(count) // 20 % 2, 0.04, 0.005),
    "correlation 0.3, spikes": lambda luck, count: correlated(luck, count, 0.3) + _spikes(luck, count),
    "correlation 0.5, spikes": lambda luck, count: correlated(luck, count, 0.5) + _spikes(luck, count),
    "correlation 0.7": lambda luck, count: correlated(luck, count, 0.7),
}


def history(repeats: int) -> Iterator[tuple[object, ...]]:
    for name, draw in SERIES.items():
        luck = np.random.default_rng(SEED)
        false = [sum(bool(shifts(np.exp(draw(luck, count)))) for _ in range(repeats)) for count in (60, 200)]
        found = []
        for after in (5, 20):
            logs = (draw(luck, 100 + after) + np.where(np.arange(100 + after) >= 100, np.log(1.1), 0) for _ in range(repeats // 2))
            found.append(sum(any(98 <= one.at <= 102 for one in shifts(np.exp(each))) for each in logs) / (repeats // 2))
        yield name, *(share(each, repeats) for each in false), *(f"{each:.0%}" for each in found)


def newest(repeats: int) -> Iterator[tuple[object, ...]]:
    for name, draw in {"normal 1.5 %": lambda luck, count: luck.normal(0, 0.015, count), **SERIES}.items():
        luck = np.random.default_rng(SEED)
        false = sum(_at_the_end(np.exp(draw(luck, 60))) == "pending" for _ in range(repeats))
        listed = []
        for after in (1, 2, 3):
            logs = (draw(luck, 60) + np.where(np.arange(60) >= 60 - after, np.log(1.1), 0) for _ in range(repeats))
            listed.append(sum(bool(_at_the_end(np.exp(each))) for each in logs))
        yield name, share(false, repeats), *(f"{each / repeats:.0%}" for each in listed)


def _at_the_end(values: np.ndarray) -> str:
    """What history lists of the newest runs: a pending change, or a change point, which may lie one run early."""
    found = shifts(values)
    if pending(values, found) is not None:
        return "pending"
    return "change point" if any(one.at >= len(values) - 4 for one in found) else ""


COMMANDS: dict[str, tuple[str, Callable[[int], Iterator[tuple[object, ...]]], int]] = {
    "compare": ("noise | processes | cases | ends with 3 | lists anything", compare, 400),
    "duet": ("noise | cases | flags anything | reports a change", duet, 200),
    "canary": ("processes | machine drift | canary's ratio taken as exact | with its uncertainty", canary, 300),
    "power": ("processes | cases | stated size, median | found", power, 300),
    "doctor": ("pairs of the trial | cases | stated size, median | found and confirmed", doctor, 1000),
    "intervals": ("interval | of what | stated | covered", intervals, 2000),
    "history": ("noise | 60 runs: false alarm | 200 runs: false alarm | +10 % found, 5 runs after | 20 runs after", history, 400),
    "pending": ("noise | no change, pending | +10 % in the newest run, listed | in two | in three", newest, 400),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument("--repeats", type=int)
    asked = parser.parse_args()
    head, rows, repeats = COMMANDS[asked.what]
    print(f"{asked.repeats or repeats} repetitions, fewer of very many cases; seed {SEED}\n")
    table(head, rows(asked.repeats or repeats))


if __name__ == "__main__":
    main()
