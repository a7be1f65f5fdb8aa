"""Parsing `--set` overrides and `--select` expressions, without executing them."""

import ast
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rnnbench.applies import Declared
from rnnbench.axis import Axis
from rnnbench.case import AXES, Case
from rnnbench.errors import BadExpression, UnknownName


def parse_set(texts: Sequence[str], declared: Declared | None = None) -> dict[str, tuple[Any, ...]]:
    """`["depth=2,4", "variant=lstm"]` → `{"depth": (2, 4), "variant": ("lstm",)}`. The values of an axis that is named twice add up.

    With `declared`, the axes that variants declare for themselves can be set too. Raises BadExpression, UnknownName or BadValue."""
    known = _known(declared)
    axes: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        name = name.strip()
        if not equals or not name or not all(value.strip() for value in values.split(",")):
            raise BadExpression("--set", text, "write AXIS=VALUE[,VALUE…], for instance --set depth=2,4,8")
        if name == "device":
            raise BadExpression("--set", text, "the device is chosen with --device")
        if name not in known:
            raise UnknownName("axis", name, [one for one in known if one != "device"])
        more = [known[name].parse(value.strip()) for value in values.split(",")]
        for value in more:
            known[name].check(value)
        axes[name] = tuple(dict.fromkeys((*axes.get(name, ()), *more)))
    return axes


def _known(declared: Declared | None) -> dict[str, Axis]:
    """Every axis by name: the variants' own after those of every case."""
    own = {name: axis for axes in (declared or {}).values() for name, axis in axes.items()}
    return {**own, **AXES} if own else dict(AXES)


Comparison = Callable[[Any, Any], Any]
COMPARISONS: dict[type[ast.cmpop], Comparison] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
ORDER = (operator.lt, operator.le, operator.gt, operator.ge)
_HINT = """compare axes with == != < <= > >= in, joined by and, or, not: --select 'variant == "lstm" and depth > 2'"""
_LONGEST = 10_000

Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Language:
    """What an expression may contain. `name` turns a name into a function of the subject, or raises; `holds` evaluates a chain of
    comparisons; `every`, `some` and `negate` are `and`, `or` and `not`. `option` and `hint` go into errors."""

    option: str
    hint: str
    name: Callable[[str], Read]
    holds: Callable[[Sequence[Comparison], Sequence[Any]], Any]
    every: Callable[[Iterable[Any]], Any] = all
    some: Callable[[Iterable[Any]], Any] = any
    negate: Callable[[Any], Any] = operator.not_


def expression(text: str, language: Language, shown: str = "") -> Read:
    """A function of the subject, made of names, constants, comparisons and boolean operators; nothing is called.

    Raises BadExpression, which quotes `shown`: the text as the user wrote it, if that differs from `text`."""
    shown = shown or text
    if len(text) > _LONGEST:
        raise BadExpression(language.option, shown[:40] + "…", f"it is longer than {_LONGEST:,} characters")
    try:
        return _reader(ast.parse(text.strip(), mode="eval").body, shown, language)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise BadExpression(language.option, shown, language.hint) from None


def selector(text: str, declared: Declared | None = None) -> Callable[[Case], bool] | None:
    """A filter over cases: axis names, constants, comparisons and boolean operators; nothing is called. None if the text is blank.

    `none`, `true` and `false` are written as in `--set`. If a case's variant lacks an axis, its value is none."""
    if not text.strip():
        return None
    known = _known(declared)

    def named(name: str) -> Read:
        if name not in known:
            raise UnknownName("axis", name, known)
        return operator.attrgetter(name) if name in AXES else lambda one: one.hyper_values().get(name)

    read = expression(text, Language("--select", _HINT, named, lambda tests, sides: _holds(tests, sides, text)))
    return lambda case: bool(read(case))


_CONSTANTS = {"none": None, "true": True, "false": False}


def _reader(node: ast.expr, text: str, language: Language) -> Read:
    """One node as a function of the subject. Raises BadExpression for a kind of node that is not allowed, before anything is evaluated."""
    match node:
        case ast.Constant(value=str() | int() | float() | bool() | None as constant):
            return lambda _: constant
        case ast.Name(id=name) if name in _CONSTANTS:
            return lambda _: _CONSTANTS[name]
        case ast.Name(id=name):
            return language.name(name)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            readers = [_reader(item, text, language) for item in items]
            return lambda one: tuple(read(one) for read in readers)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            negated = _reader(inner, text, language)
            return lambda one: language.negate(negated(one))
        case ast.BoolOp(op=op, values=items):
            sides, combine = [_reader(item, text, language) for item in items], language.every if isinstance(op, ast.And) else language.some
            return lambda one: combine(read(one) for read in sides)
        case ast.Compare(left=left, ops=ops, comparators=right) if all(type(op) in COMPARISONS for op in ops):
            chain, tests = [_reader(side, text, language) for side in (left, *right)], [COMPARISONS[type(op)] for op in ops]
            return lambda one: language.holds(tests, [read(one) for read in chain])
        case _:
            raise BadExpression(language.option, text, language.hint)


def _holds(tests: Sequence[Comparison], sides: Sequence[Any], text: str) -> bool:
    """Evaluate a chain of comparisons. None (no clipping) is neither above nor below anything."""
    for test, left, right in zip(tests, sides, sides[1:], strict=False):
        if None in (left, right) and test in ORDER:
            return False
        try:
            if not test(left, right):
                return False
        except TypeError:
            raise BadExpression("--select", text, f"{left!r} and {right!r} cannot be compared; quote names, leave numbers bare") from None
    return True
