"""Sizes as users write them: 8GiB, 500MB, 1000000."""

import re

from rnnbench.errors import BadExpression

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}


def byte_count(option: str, text: str) -> int:
    """The bytes that an option's text names."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    size = int(float(found[1]) * _UNITS[found[2]]) if found and found[2] in _UNITS else 0
    if size <= 0:
        raise BadExpression(option, text, "write a size above 0, for instance 8GiB, 500MB or 1000000")
    return size
