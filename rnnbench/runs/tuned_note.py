"""What was tuned, in words: on each record of a tuned run, and on the terminal."""

from collections.abc import Mapping
from typing import Any


def shown(values: Mapping[str, Any]) -> str:
    """`lr 0.0031, cosine, clip norm 1`."""
    norm = values["clip_norm"]
    return f"lr {values['lr']:g}, {values['schedule']}, {'no clipping' if norm is None else f'clip norm {norm:g}'}"


def note_of(arguments: Mapping[str, Any], case: str) -> tuple[str, ...]:
    """The note on the record of a case that was tuned; nothing for another."""
    tuned = arguments.get("tuned")
    values = tuned["cases"].get(case) if isinstance(tuned, Mapping) else None
    return (f"tuned: {tuned['trials']} trials, {shown(values)}",) if isinstance(tuned, Mapping) and values else ()
