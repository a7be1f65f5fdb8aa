"""A file of sequence lengths as a value of the axis `lengths`: a whole number per line, named by the file's stem and content."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from rnnbench import bounded
from rnnbench.own_data import DIGITS, LARGEST_BYTES, BadData
from rnnbench.registry import user_path

SUFFIX = ".lengths"
_LONGEST = 2**31 - 1  # time steps


def is_lengths(path: str | Path) -> bool:
    """Whether a user's file holds lengths rather than code or data to learn."""
    return str(path).endswith(SUFFIX)


def read(path: str | Path) -> tuple[str, tuple[int, ...]]:
    """The file's name as a value of the axis, and its lengths. Empty lines are skipped.

    The name is the stem and the start of the SHA-256 of the content, so that two versions of a file are never taken for one. Raises
    BadData, which quotes the line."""
    place = user_path(path)
    try:
        raw = bounded.content(place, LARGEST_BYTES)
        words = [word.strip() for word in bounded.decoded(raw).splitlines()]
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have, or bytes that are no text
        raise BadData(path, str(getattr(error, "strerror", None) or error)) from None
    found = tuple(_length(path, number, word) for number, word in enumerate(words, 1) if word)
    if not found:
        raise BadData(path, "it holds no length")
    stem = re.sub(r"[^A-Za-z0-9_]", "_", place.name.removesuffix(SUFFIX))[:32] or "lengths"
    return f"{stem}:{hashlib.sha256(raw).hexdigest()[:DIGITS]}", found


def named(sets: Sequence[str], plugins: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The overrides with each file in `lengths=FILE.lengths` replaced by its name, and the plugins with these files. Raises BadData."""
    files: list[str] = []

    def name(value: str) -> str:
        if not is_lengths(value.strip()):
            return value
        files.append(value.strip())
        return read(value.strip())[0]

    told = []
    for text in sets:
        axis, equals, values = text.partition("=")
        told.append(f"{axis}={','.join(map(name, values.split(',')))}" if equals and axis.strip() == "lengths" else text)
    return tuple(told), tuple(dict.fromkeys((*plugins, *files)))


def _length(path: str | Path, number: int, word: str) -> int:
    if not (word.isascii() and word.isdigit()) or len(word) > 10 or not 0 < int(word) <= _LONGEST:
        raise BadData(path, f"wanted a length, a whole number from 1; found {word[:40]!r}", number)
    return int(word)
