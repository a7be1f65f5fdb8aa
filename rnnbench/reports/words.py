"""Axes, values, counts and lists as text, for sentences, legends and headings."""

import re
from collections.abc import Mapping
from typing import Any

from rnnbench import units
from rnnbench.case import AXES
from rnnbench.spelling import spelt

LONGEST = 60
_RUN = re.compile(r"\d{4}(\d\d)(\d\d)T(\d\d)(\d\d)\d\dZ-.+-(\w+)")
_STEPS = {"forward": "forward pass", "backward": "backward pass", "train": "train step", "decode": "decoding step", "converge": "training"}
_SINGULAR = {"processes": "process"}
_PHRASES = {
    ("bidirectional", True): "bidirectional",
    ("bidirectional", False): "unidirectional",
    ("clip_norm", None): "no clipping",
    ("bucket_mib", None): "default buckets",
    ("lengths", "fixed"): "equal lengths",
    ("lengths", "uniform"): "uniform lengths",
    ("lengths", "skewed"): "skewed lengths",
    ("scaling", "strong"): "strong scaling",
    ("scaling", "weak"): "weak scaling",
}


def axis(name: str) -> str:
    """An axis's name for people: seq_len → "seq len"."""
    return name.replace("_", " ")


def value(name: str, held: Any) -> str:
    """One value of an axis with its name or unit: lstm, fp32, 4 layers, hidden size 256, bidirectional, clip norm 1."""
    held = None if held != held else held
    for (known, what), phrase in _PHRASES.items():
        if name == known and held == what:
            return phrase
    if name == "run" and (found := _RUN.fullmatch(str(held))):
        return "{}-{} {}:{} {}".format(*found.groups())
    kind = AXES[name].kind if name in AXES else str
    if kind is str:
        return visible(units.plain(held))
    unit = AXES[name].unit
    return f"{units.plain(held)} {unit if held != 1 else one(name)}" if unit else f"{axis(name)} {units.plain(held)}"


def short(name: str, held: Any) -> str:
    """One value of an axis whose name is known from the context: 4, 256, bidirectional."""
    return value(name, held) if name in ("bidirectional", "run") or held is None or held != held else visible(units.plain(held))


def subject(name: str, held: Any) -> str:
    """One value of an axis as the subject or object of a comparison: "lstm", "bf16", "a bidirectional network"."""
    return f"a {value(name, held)} network" if name == "bidirectional" else value(name, held)


def visible(text: str) -> str:
    """A name that is safe in a sentence: marks that reorder or hide text are spelt out, a long one is cut."""
    shown = spelt(text[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def values(held: Mapping[str, Any]) -> str:
    """Several values: "lstm, bf16, forward"."""
    return ", ".join(value(name, one_value) for name, one_value in held.items())


def one(name: str) -> str:
    """One of what an axis counts: depth → "layer"."""
    unit = AXES[name].unit if name in AXES else ""
    return _SINGULAR.get(unit, unit.removesuffix("s")) if unit else f"unit of {axis(name)}"


def step(phase: str) -> str:
    """What one timed round is."""
    return _STEPS.get(phase, phase)


def count(number: int, noun: str, many: str = "") -> str:
    """1 case, 2 cases, 1,000 cases; 2 processes."""
    return f"{number:,} {noun if number == 1 else many or f'{noun}s'}"


def capitalized(text: str) -> str:
    """With a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def joined(parts: list[str]) -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
