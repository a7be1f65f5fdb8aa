"""`--require` expressions, such as 'p99_s < 2ms and depth >= 4': met, missed or undecided by the metrics' intervals."""

import keyword
import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rnnbench.case import AXES, Case
from rnnbench.choose import ORDER, Comparison, Language, expression
from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_OK, EXIT_REGRESSION, BadExpression, UnknownName
from rnnbench.gate.spans import Span, spans_of
from rnnbench.record import METRICS, Record, Run

OPTION = "--require"
MET, MISSED, UNDECIDED, UNKNOWN = "met", "missed", "undecided", "unknown"
_BASES: dict[str, dict[str, float]] = {
    "s": {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0},  # both signs for micro
    "B": {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12},
    "J": {"mJ": 1e-3, "J": 1.0, "kJ": 1e3},
    "%": {"%": 0.01},
}
UNITS: dict[str, tuple[float, str]] = {name: (factor, base) for base, names in _BASES.items() for name, factor in names.items()}
"""What may follow a number: the factor to base units, and the unit that a metric must have to be compared with it."""
_SHARES = {"%", "×", ""}  # what a percentage may be compared with
_HINT = """compare metrics and axes with == != < <= > >= in, joined by and, or, not: --require 'p99_s < 2ms and activation_bytes < 1GiB'"""
_NUMBER = re.compile(r"""("[^"]*"|'[^']*')|(?<![\w.])((?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(\s*)(%|[^\W\d_]\w*)?""")
_QUANTITY = "_quantity_"
_SAMPLES = {int: 1, float: 1.0, str: "hyper:1"}
_OPTIONAL: dict[str, Any] = {name: (axis.values or (_SAMPLES[axis.kind],))[0] for name, axis in AXES.items() if axis.optional}
_TRIALS = (Case(suite="s"), Case(suite="s", **_OPTIONAL))
"""What a requirement is tried on when it is read: every axis that may be none, as none and with a value."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as the user wrote it, in base units; `unit` is empty for a bare one."""

    value: float
    unit: str
    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of one case; `span` is none where the case has no such figure."""

    name: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class Subject:
    """One case with what is known of its metrics, by name."""

    case: Case
    spans: dict[str, Span]
    status: str = "ok"
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """`text` as the user wrote it, the metrics that it names, and how to judge a case by it: True, False, or None for undecided."""

    text: str
    metrics: tuple[str, ...]
    holds: Callable[[Subject], bool | None]

    def outcome(self, subject: Subject) -> str:
        """MET, MISSED, UNDECIDED where an interval straddles the limit, UNKNOWN where a figure is missing."""
        told = self.holds(subject) if subject.status == "ok" else None
        if told is not None:
            return MET if told else MISSED
        return UNKNOWN if subject.status != "ok" or any(name not in subject.spans for name in self.metrics) else UNDECIDED


@dataclass(frozen=True, slots=True)
class Judged:
    """A case against all requirements: the outcome of each in their order, and of all together."""

    subject: Subject
    outcomes: tuple[str, ...]

    @property
    def outcome(self) -> str:
        """The first of MISSED, UNKNOWN and UNDECIDED that any requirement has; else MET."""
        return next((one for one in (MISSED, UNKNOWN, UNDECIDED) if one in self.outcomes), MET)


def parse(texts: Sequence[str]) -> tuple[Requirement, ...]:
    """Read requirements. Raises BadExpression or UnknownName for what is no expression, an unknown name, or units that do not match."""
    return tuple(_parsed(text) for text in texts)


def judge(run: Run, requirements: Sequence[Requirement]) -> list[Judged]:
    """Every case that left a record, in the order of the records; of two records in one process slot the later counts."""
    return judge_groups(run.by_case().values(), requirements)


def judge_groups(groups: Iterable[Sequence[Record]], requirements: Sequence[Requirement]) -> list[Judged]:
    """Each group of records, which are processes of one case or seeds of one training, as one subject."""
    subjects = [_subject(records, requirements) for records in groups]
    return [Judged(one, tuple(each.outcome(one) for each in requirements)) for one in subjects]


def exit_code(judged: Sequence[Judged]) -> int:
    """0 where a case meets all requirements, 3 where every case misses one, 4 where it cannot be told."""
    outcomes = {one.outcome for one in judged}
    return EXIT_OK if MET in outcomes else EXIT_REGRESSION if outcomes == {MISSED} else EXIT_INCONCLUSIVE


def _subject(records: Sequence[Record], requirements: Sequence[Requirement]) -> Subject:
    fine = [record for record in records if record.status == "ok"]
    if not fine:
        return Subject(records[-1].case, {}, records[-1].status, records[-1].reason)
    spans, wanted = spans_of(fine), [name for one in requirements for name in one.metrics]
    missing = next((name for name in wanted if name not in spans), "")
    why = fine[-1].absent.get(missing, f"this case has no {missing}") if missing else ""
    return Subject(fine[-1].case, spans, absent=why)


def _parsed(text: str) -> Requirement:
    if not text.strip():
        raise BadExpression(OPTION, text, _HINT)
    quantities: dict[str, Quantity] = {}
    plain = _NUMBER.sub(lambda match: _quantity(match, text, quantities), text)
    metrics: dict[str, None] = {}
    named_any: list[str] = []

    def named(name: str) -> Callable[[Subject], Any]:
        if name in quantities:
            return lambda _: quantities[name]
        named_any.append(name)
        if name in METRICS:
            metrics[name] = None
            return lambda subject: Figure(name, subject.spans.get(name))
        if name in AXES:
            return lambda subject: getattr(subject.case, name)
        raise UnknownName("metric or axis", name, [*METRICS, *AXES])

    language = Language(OPTION, _HINT, named, lambda tests, sides: _chain(tests, sides, text), _every, _some, _negate)
    read = expression(plain, language, text)
    requirement = Requirement(text.strip(), tuple(metrics), lambda subject: _truth(read(subject), text))
    for case in _TRIALS:
        requirement.holds(Subject(case, {}))  # what cannot be compared is refused before anything is measured
    if not named_any:
        raise BadExpression(OPTION, text, "it names neither a metric nor an axis")
    return requirement


def _quantity(match: re.Match[str], text: str, quantities: dict[str, Quantity]) -> str:
    """A number with its unit as a name that stands for it; a word between quotes stays as it is."""
    quoted, number, gap, unit = match.groups()
    if quoted is not None:
        return str(quoted)
    if unit and gap and keyword.iskeyword(unit):  # 2 and …
        return f"{_put(number, '', number, text, quantities)}{gap}{unit}"
    if unit and unit not in UNITS:
        raise BadExpression(OPTION, text, f"{unit!r} is no unit; choose from: {', '.join(UNITS)}")
    return _put(number, unit or "", number + gap + (unit or ""), text, quantities)


def _put(number: str, unit: str, written: str, text: str, quantities: dict[str, Quantity]) -> str:
    factor, kind = UNITS[unit] if unit else (1.0, "")
    try:
        value = float(number) * factor
    except ValueError:
        raise BadExpression(OPTION, text, f"{number[:20]!r} is no number") from None
    if not math.isfinite(value):
        raise BadExpression(OPTION, text, f"{number[:20]!r} is beyond any figure")
    name = f"{_QUANTITY}{len(quantities)}"
    quantities[name] = Quantity(value, kind, written)
    return f" {name} "


def _chain(tests: Sequence[Comparison], sides: Sequence[Any], text: str) -> bool | None:
    return _every(_compared(test, left, right, text) for test, (left, right) in zip(tests, pairwise(sides), strict=True))


def _compared(test: Comparison, left: Any, right: Any, text: str) -> bool | None:
    """One comparison. Of figures with an interval it holds where it holds for every value of it, and fails where it holds for none."""
    figure = next((side for side in (left, right) if isinstance(side, Figure)), None)
    if figure is not None:
        if test not in (*ORDER, operator.eq, operator.ne):
            raise BadExpression(OPTION, text, "in is for axes; compare a metric with < <= > >= == !=")
        _match_units(figure, right if figure is left else left, text)
        ends = _ends(left, text), _ends(right, text)
        return None if ends[0] is None or ends[1] is None else _of_intervals(test, ends[0], ends[1])
    if with_unit := next((side for side in (left, right) if isinstance(side, Quantity) and side.unit), None):
        raise BadExpression(OPTION, text, f"{with_unit.text} has a unit, and an axis has none: compare it with a metric")
    bare = [_bare(side) for side in (left, right)]
    if None in bare and test in ORDER:
        return False
    try:
        return bool(test(*bare))
    except TypeError:
        raise BadExpression(OPTION, text, f"{bare[0]!r} and {bare[1]!r} cannot be compared; quote names, leave numbers bare") from None


def _of_intervals(test: Comparison, left: tuple[float, float], right: tuple[float, float]) -> bool | None:
    (low, high), (least, most) = left, right
    if test in (operator.eq, operator.ne):
        if high < least or low > most:
            return test is operator.ne
        return (test is operator.eq) if low == high == least == most else None
    told = {test(one, other) for one in (low, high) for other in (least, most)}
    return told.pop() if len(told) == 1 else None


def _ends(side: Any, text: str) -> tuple[float, float] | None:
    """The least and the greatest value that a side may have; none where it is not known."""
    if isinstance(side, Figure):
        return None if side.span is None else (side.span.low, side.span.high)
    side = _bare(side)
    if isinstance(side, bool) or not isinstance(side, int | float):
        raise BadExpression(OPTION, text, f"{side!r} is no number, and a metric compares with numbers only")
    return float(side), float(side)


def _match_units(figure: Figure, other: Any, text: str) -> None:
    """Raise where a metric is compared with another unit than its own. A bare number is in the metric's base unit."""
    own = METRICS[figure.name].unit
    if isinstance(other, Figure):
        unit, shown = METRICS[other.name].unit, other.name
    elif isinstance(other, Quantity) and other.unit:
        unit, shown = other.unit, other.text
    else:
        return
    if own == unit or ("%" in (own, unit) and {own, unit} <= _SHARES):
        return
    good = [name for name, (_, kind) in UNITS.items() if kind == own]
    wanted = f"write one of {', '.join(good)}" if good else "write a bare number"
    raise BadExpression(OPTION, text, f"{shown} does not fit {figure.name}, which is in {own or 'plain numbers'}: {wanted}")


def _bare(side: Any) -> Any:
    """A side as plain values, in base units."""
    if isinstance(side, Quantity):
        return side.value
    return tuple(_bare(one) for one in side) if isinstance(side, tuple) else side


def _truth(value: Any, text: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise BadExpression(OPTION, text, _HINT)


def _every(values: Iterable[Any]) -> bool | None:
    held = [_truth(value, "a side of and") for value in values]
    return False if False in held else None if None in held else True


def _some(values: Iterable[Any]) -> bool | None:
    held = [_truth(value, "a side of or") for value in values]
    return True if True in held else None if None in held else False


def _negate(value: Any) -> bool | None:
    held = _truth(value, "not")
    return None if held is None else not held
