"""Foreign text made safe to show: control, hiding and reordering characters are spelled out as codes.

A results folder is data, and data may say anything: ids of other tools' benchmarks, the last words of a process that crashed.
"""

import re

_NEVER = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufffe\uffff"
"""Controls (escape sequences of terminals begin with U+001B or U+009B), marks of direction and of no width, half surrogates, and what
XML forbids."""
_UNSEEN, _ON_LINES = re.compile(f"[\t\n{_NEVER}]"), re.compile(f"[{_NEVER}]")


def spelt(text: str) -> str:
    """`text` on one line, each such character as \\u and its code."""
    return _UNSEEN.sub(_code, text)


def spelt_lines(text: str) -> str:
    """As `spelt`; line feeds and tabs stay."""
    return _ON_LINES.sub(_code, text)


def _code(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"
