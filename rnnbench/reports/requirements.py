"""What requirements came to, in words: a cell per case, and one sentence that names the cases that meet them."""

import math
from collections.abc import Sequence

from rnnbench import units
from rnnbench.case import AXES
from rnnbench.gate.requirements import MET, MISSED, UNDECIDED, UNKNOWN, Judged, Requirement
from rnnbench.gate.spans import Span
from rnnbench.record import METRICS
from rnnbench.reports import words

NAMED = 4  # cases that the sentence names
SPEED, RATE = "step_time_s", "tokens_per_s"


def cell(one: Judged, requirements: Sequence[Requirement]) -> str:
    """One case's outcome; of several requirements also which of them decided it."""
    if one.subject.status != "ok":
        return "not measured"
    if len(requirements) == 1 or one.outcome == MET:
        return one.outcome
    return f"{one.outcome}: {', '.join(each.text for each, told in zip(requirements, one.outcomes, strict=True) if told == one.outcome)}"


def figures(one: Judged, requirements: Sequence[Requirement]) -> str:
    """The figures that decided, each with its interval: "p99_s 1.31 ms (1.28–1.40 ms)"."""
    names = dict.fromkeys(name for each in requirements for name in each.metrics)
    return ", ".join(f"{name} {_shown(name, one.subject.spans[name])}" for name in names if name in one.subject.spans)


def labels(judged: Sequence[Judged]) -> list[str]:
    """A short name for each case: its variant, and the axes in which the cases differ."""
    cases = [one.subject.case for one in judged]
    free = [name for name in AXES if name != "variant" and len({getattr(case, name) for case in cases}) > 1]
    suites = len({case.suite for case in cases}) > 1
    told = []
    for case in cases:
        parts = [words.value(name, getattr(case, name)) for name in free]
        name = " at ".join([words.value("variant", case.variant), *([", ".join(parts)] if parts else [])])
        told.append(f"{case.suite}: {name}" if suites else name)
    return told


def headline(judged: Sequence[Judged], requirements: Sequence[Requirement]) -> str:
    """Which cases meet everything and which of them is fastest; where none does, how near the figures come and what to do."""
    wanted, names = words.joined([one.text for one in requirements]), labels(judged)
    met = [place for place, one in enumerate(judged) if one.outcome == MET]
    counts = {outcome: sum(one.outcome == outcome for one in judged) for outcome in (UNDECIDED, UNKNOWN)}
    open_ = _open(counts, judged)
    if not judged:
        return f"No case was measured, so {wanted} cannot be judged."
    if not met:
        none = f"None of {words.count(len(judged), 'case')} " if len(judged) > 1 else "The one case does not "
        verb = "is shown to meet" if len(judged) > 1 and open_ else "meets" if len(judged) > 1 else "meet" if not open_ else "clearly meet"
        return f"{none}{verb} {wanted}.{open_}"
    named = [names[place] for place in met[:NAMED]]
    more = f" and {len(met) - NAMED} more" if len(met) > NAMED else ""
    all_ = f"{', '.join(named)}{more}" if more else words.joined(named)
    if len(judged) == 1:
        return f"The one case meets {wanted}."
    sentence = f"{len(met)} of {words.count(len(judged), 'case')} {'meets' if len(met) == 1 else 'meet'} {wanted}: {all_}"
    fastest = _fastest([judged[place] for place in met]) if len(met) > 1 else None
    if fastest is not None:
        place, metric = met[fastest[0]], fastest[1]
        sentence += f"; the fastest that does is {names[place]} ({_value(metric, judged[place].subject.spans[metric].value)})"
    return f"{sentence}.{open_}"


def notes(judged: Sequence[Judged], requirements: Sequence[Requirement]) -> list[str]:
    """What the outcomes rest on: figures without an interval or with a short one, and why figures are missing."""
    wanted = dict.fromkeys(name for one in requirements for name in one.metrics)
    spans = [(name, one.subject.spans[name]) for one in judged for name in wanted if name in one.subject.spans]
    told = []
    if alone := list(dict.fromkeys(name for name, span in spans if not span.bounded)):
        told.append(f"{words.joined(alone)}: one process gives one figure and no interval. Repeat with --processes 6 to know its spread.")
    if short := [span for _, span in spans if span.short]:
        level = min(short, key=lambda span: span.coverage).level
        told.append(f"The interval of fewer than six processes is their range ({level} here). Repeat with --processes 6 for 95 %.")
    why = dict.fromkeys(one.subject.absent for one in judged if one.outcome == UNKNOWN and one.subject.absent)
    return [*told, *(f"unknown: {one}" for one in list(why)[:2])]


def _open(counts: dict[str, int], judged: Sequence[Judged]) -> str:
    parts = []
    if counts[UNDECIDED]:
        many = "case is" if counts[UNDECIDED] == 1 else "cases are"
        parts.append(f" {counts[UNDECIDED]} {many} undecided, the interval straddles the limit: measure longer with --case-budget.")
    if counts[UNKNOWN]:
        failed = sum(one.subject.status != "ok" for one in judged)
        rest = counts[UNKNOWN] - failed
        parts += [f" {words.count(failed, 'case')} could not be measured."] if failed else []
        parts += [f" {words.count(rest, 'case')} {'lacks' if rest == 1 else 'lack'} a required figure."] if rest else []
    return "".join(parts)


def _fastest(met: Sequence[Judged]) -> tuple[int, str] | None:
    """The place of the fastest case and the metric that says so: the step time, or the throughput where steps hold unlike work."""
    alike = len({(one.subject.case.batch_size, one.subject.case.seq_len, one.subject.case.phase) for one in met}) == 1
    metric = SPEED if alike else RATE
    known = {place: one.subject.spans[metric].value for place, one in enumerate(met) if metric in one.subject.spans}
    if len(known) < len(met):
        return None
    return (min if alike else max)(known, key=lambda place: known[place]), metric


def _shown(name: str, span: Span) -> str:
    if METRICS[name].deterministic or not span.bounded or span.low == span.high:
        return _value(name, span.value)
    if span.high == math.inf:
        return f"{_value(name, span.value)} (no upper bound from so few rounds)"
    level = f", {span.level}" if span.short else ""
    return f"{_value(name, span.value)} ({units.spread(name, max(span.low, 0) if span.low == -math.inf else span.low, span.high)}{level})"


def _value(name: str, value: float) -> str:
    return units.rate(name, value) if name == RATE else units.show(name, value)


def as_json(judged: Sequence[Judged], requirements: Sequence[Requirement]) -> dict[str, object]:
    """For scripts: the sentence, and each case with the outcome of each requirement and the figures behind it. An open end is null."""
    wanted = list(dict.fromkeys(name for one in requirements for name in one.metrics))

    def ends(span: Span) -> dict[str, float | bool | None]:
        low, high = (end if math.isfinite(end) else None for end in (span.low, span.high))
        return {"value": span.value, "low": low, "high": high, "interval": span.bounded, "coverage": span.coverage}

    rows = [
        {
            "id": str(one.subject.case),
            "outcome": one.outcome,
            "requirements": {each.text: told for each, told in zip(requirements, one.outcomes, strict=True)},
            "figures": {name: ends(one.subject.spans[name]) for name in wanted if name in one.subject.spans},
        }
        for one in judged
    ]
    return {"headline": headline(judged, requirements), "cases": rows}


COLOURS = {MET: "green", MISSED: "red", UNDECIDED: "yellow", UNKNOWN: "yellow"}
