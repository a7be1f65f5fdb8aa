"""The headline of a comparison: a verdict on two versions, or what one of two settings gains and costs against the other."""

from collections.abc import Mapping, Sequence
from statistics import median

from markupsafe import Markup

from rnnbench import units
from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from rnnbench.gate.policy import OF_TRAININGS
from rnnbench.gate.trainings import WORDS
from rnnbench.gate.verdict import Comparison, Finding
from rnnbench.reports import comparatives, words
from rnnbench.reports.sentences import markup

_VERBS = {"train": "trains", "forward": "runs a forward pass", "backward": "runs a backward pass", "decode": "decodes"}
_DECIDED = ("improved", "regressed", "equivalent")
_MEMORY = ("activation_bytes", "state_bytes", "parameter_bytes")
_NOUNS = {"activation_bytes": "activation memory", "state_bytes": "state memory", "parameter_bytes": "parameter memory"}


_BETWEEN_SETTINGS = {"regressed": "worse", "improved": "better"}


def verdict_word(verdict: str, found: Comparison) -> str:
    """A verdict as it reads: of two settings one is better or worse, none regressed."""
    return _BETWEEN_SETTINGS.get(verdict, verdict) if found.by_design else verdict


def headline(found: Comparison, names: tuple[str, str], cases: Mapping[str, str]) -> Markup:
    """One sentence. `names` are base and candidate as people call them, `cases` maps ids to names."""
    return _settings(found, names) if found.by_design else _verdict(found, cases)


def _verdict(found: Comparison, cases: Mapping[str, str]) -> Markup:
    """Of two versions of the same."""
    worse = [one for one in found.findings if one.exit_code == EXIT_REGRESSION]
    open_ = sum(one.exit_code == EXIT_INCONCLUSIVE for one in found.findings)
    better = [one for one in found.findings if one.verdict == "improved"]
    total = words.count(len(found.findings), "figure")
    if worse:
        return markup("<b>Regression:</b> {} of {} got worse, in {}{}.", len(worse), total, _cases(worse), _largest(worse, cases))
    if open_:
        known = " None of the others got worse." if open_ < len(found.findings) else ""
        return markup("<b>Inconclusive:</b> {} of {} could not be decided.{}", open_, total, known)
    if better:
        return markup("<b>Improvement:</b> {} of {} got better, in {}{}; none got worse.", len(better), total, _cases(better),
                   _largest(better, cases))  # fmt: skip
    return markup("<b>No relevant difference:</b> {} {} within the minimum effect.",
               f"all {total}" if len(found.findings) > 1 else total, "are" if len(found.findings) > 1 else "is")  # fmt: skip


def _cases(findings: Sequence[Finding]) -> str:
    return words.count(len({one.case for one in findings}), "case")


def _largest(findings: Sequence[Finding], cases: Mapping[str, str]) -> Markup:
    """The largest change of a step time among them: "; lstm, 4 layers is 12 % slower"."""
    timed = [one for one in findings if one.metric == "step_time_s" and one.ratio]
    if not timed:
        return markup("")
    one = max(timed, key=lambda each: abs((each.ratio or 1) - 1))
    return markup("; at most, {} is <b>{}</b>", cases.get(one.case, words.visible(one.case)), comparatives.speed(one.ratio or 1))


def _settings(found: Comparison, names: tuple[str, str]) -> Markup:
    """Of two settings: "bf16 trains 1.5× faster than fp32 and uses 36 % less activation memory (10 pairs, 90 % CI 1.4–1.6×)"."""
    base, candidate = names
    times = [one for one in found.findings if one.metric == "step_time_s" and one.ratio]
    memory = _memory(found)
    trained = [one for one in found.findings if one.metric in OF_TRAININGS]
    if not times and trained:
        return markup("<b>{}</b>, compared with {}, {}.", candidate, base, _learning(trained))
    if not times:
        return markup("<b>{}</b>, compared with {}, {}.", candidate, base, memory or "was not timed in the same cases")
    speed, evidence = _speed(times, names), _evidence(found, times)
    if memory and not any(one.verdict in _DECIDED for one in times):
        return markup("{} <i>({})</i>. It {}.", speed, evidence, memory)
    return markup("{}{} <i>({})</i>.", speed, markup(" and {}", memory) if memory else markup(""), evidence)


def _learning(trained: Sequence[Finding]) -> str:
    """`converges slower on 2 of 3 settings and reaches lower quality on 1 of 3`."""
    told = []
    for metric in OF_TRAININGS:
        some = [one for one in trained if one.metric == metric]
        for verdict in _DECIDED:
            if count := sum(one.verdict == verdict for one in some):
                word = WORDS[metric][verdict]
                told.append(f"{word} on {count} of {words.count(len(some), 'setting')}" if len(some) > 1 else word)
    return words.joined(told) or "shows no difference beyond seed variation"


def _speed(times: Sequence[Finding], names: tuple[str, str]) -> Markup:
    base, candidate = names
    verb = _verb(times)
    counts = {verdict: sum(one.verdict == verdict for one in times) for verdict in _DECIDED}
    ratio = median(one.ratio or 1.0 for one in times)
    total = len(times)
    if counts["improved"] == total or counts["regressed"] == total:
        return markup("<b>{}</b> {} <b>{}</b> than {}", candidate, verb, comparatives.speed(ratio), base)
    if counts["equivalent"] == total:
        return markup("<b>{}</b> {} as fast as {}", candidate, verb, base)
    if not any(counts.values()):
        doubt = "machine or conditions differ" if any(one.verdict == "incompatible" for one in times) else "that is not beyond noise"
        size = comparatives.speed_range(*_range(times)) if total > 1 else comparatives.speed(ratio)
        return markup("<b>Inconclusive:</b> {} {} {} than {} in these runs, but {}", candidate, verb, size, base, doubt)
    parts = [("improved", "faster"), ("regressed", "slower"), ("equivalent", "as fast")]
    ways = [f"{way} in {counts[verdict]}" for verdict, way in parts if counts[verdict]]
    left = total - sum(counts.values())
    low, high = _range(times)
    ends = f": {comparatives.speed_range(low, high)}" if max(abs(low - 1), abs(high - 1)) >= comparatives.SAME else ""
    return markup("Compared with {}, <b>{}</b> is {} of {}{}{}", base, candidate, words.joined(ways), words.count(total, "case"),
               f" ({left} inconclusive)" if left else "", ends)  # fmt: skip


def _verb(times: Sequence[Finding]) -> str:
    """What all these cases do, by the phase in their ids: "trains"; "is" where they do different things."""
    phases = {phase for one in times for phase in _VERBS if f"-{phase}-" in one.case}
    return _VERBS[phases.pop()] if len(phases) == 1 else "is"


def _range(times: Sequence[Finding]) -> tuple[float, float]:
    ratios = [one.ratio or 1.0 for one in times]
    return min(ratios), max(ratios)


def _memory(found: Comparison) -> Markup | None:
    """The first kind of memory that differs."""
    for metric in _MEMORY:
        ratios = [one.ratio for one in found.findings if one.metric == metric and one.ratio]
        if ratios and max(abs(ratio - 1) for ratio in ratios) >= comparatives.SAME:
            return markup("uses <b>{}</b>", comparatives.amount(median(ratios), _NOUNS[metric]))
    return None


def _evidence(found: Comparison, times: Sequence[Finding]) -> str:
    """How much stands behind it: pairs or processes, and the interval."""
    counts = sorted({min(one.processes) for one in times})
    many = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    kind = "pair" if found.paired else "process"
    unit = words.count(counts[-1], kind, "pairs" if found.paired else "processes").partition(" ")[2] + ("" if found.paired else " per side")
    text = f"{many} {unit}" + (f" in each of {len(times)} cases" if len(times) > 1 else "")
    if len(times) == 1 and times[0].low and times[0].high and times[0].ratio:
        interval = comparatives.speed_interval(times[0].ratio, times[0].low, times[0].high)
        coverage = times[0].coverage or found.confidence
        return f"{text}, {units.percent(round(coverage, 3))} CI {interval}"
    low, high = _range(times)
    return f"{text}; {comparatives.speed_range(low, high)}" if len(times) > 1 and (low < 1) == (high < 1) else text
