"""What a user writes to choose cases: `--set` overrides and `--select` expressions, read without running them."""

import ast
import operator
from collections.abc import Callable, Sequence
from typing import Any

from rnnbench.case import AXES, Case
from rnnbench.errors import BadExpression, UnknownName


def parse_set(texts: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """`["depth=2,4", "variant=lstm"]` → `{"depth": (2, 4), "variant": ("lstm",)}`."""
    axes: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        name = name.strip()
        if not equals or not name or not all(value.strip() for value in values.split(",")):
            raise BadExpression("--set", text, "write AXIS=VALUE[,VALUE…], for instance --set depth=2,4,8")
        if name == "device":
            raise BadExpression("--set", text, "the device is chosen with --device")
        if name not in AXES:
            raise UnknownName("axis", name, [one for one in AXES if one != "device"])
        axes[name] = tuple(AXES[name].parse(value.strip()) for value in values.split(","))
        for value in axes[name]:
            AXES[name].check(value)
    return axes


_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_ORDER = (operator.lt, operator.le, operator.gt, operator.ge)
_HINT = """compare axes with == != < <= > >= in, joined by and, or, not: --select 'variant == "lstm" and depth > 2'"""
_LONGEST = 10_000

Read = Callable[[Case], Any]


def selector(text: str) -> Callable[[Case], bool] | None:
    """A filter over cases: names of axes, constants, comparisons and boolean words; nothing is called. None for no text."""
    if not text.strip():
        return None
    if len(text) > _LONGEST:
        raise BadExpression("--select", text[:40] + "…", f"it is longer than {_LONGEST:,} characters")
    try:
        read = _reader(ast.parse(text.strip(), mode="eval").body, text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise BadExpression("--select", text, _HINT) from None
    return lambda case: bool(read(case))


def _reader(node: ast.expr, text: str) -> Read:
    """One node as a function of the case; whatever is not on the list is refused before any case is met."""
    match node:
        case ast.Constant(value=str() | int() | float() | bool() | None as constant):
            return lambda _: constant
        case ast.Name(id=name):
            if name not in AXES:
                raise UnknownName("axis", name, AXES)
            return operator.attrgetter(name)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            readers = [_reader(item, text) for item in items]
            return lambda one: tuple(read(one) for read in readers)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            negated = _reader(inner, text)
            return lambda one: not negated(one)
        case ast.BoolOp(op=op, values=items):
            sides, combine = [_reader(item, text) for item in items], all if isinstance(op, ast.And) else any
            return lambda one: combine(read(one) for read in sides)
        case ast.Compare(left=left, ops=ops, comparators=right) if all(type(op) in _COMPARISONS for op in ops):
            chain, tests = [_reader(side, text) for side in (left, *right)], [_COMPARISONS[type(op)] for op in ops]
            return lambda one: _holds(tests, [read(one) for read in chain], text)
        case _:
            raise BadExpression("--select", text, _HINT)


def _holds(tests: Sequence[Callable[[Any, Any], Any]], sides: Sequence[Any], text: str) -> bool:
    """A chain of comparisons. None (no clipping) is neither above nor below anything."""
    for test, left, right in zip(tests, sides, sides[1:], strict=False):
        if None in (left, right) and test in _ORDER:
            return False
        try:
            if not test(left, right):
                return False
        except TypeError:
            raise BadExpression("--select", text, f"{left!r} and {right!r} cannot be compared; quote names, leave numbers bare") from None
    return True
