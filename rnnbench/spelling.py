"""Foreign text made safe to show: control, hiding and reordering characters are spelled out as codes.

A results folder is data and may contain any text, such as ids of other tools' benchmarks or the last output of a crashed process.
"""

import re

_NEVER = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufffe\uffff"
"""Control characters (terminal escape sequences begin with U+001B or U+009B), direction marks, zero-width characters, lone surrogates,
and characters that XML forbids."""
_ON_ONE_LINE, _ON_LINES = re.compile(f"[\t\n{_NEVER}]"), re.compile(f"[{_NEVER}]")


def spelt(text: str) -> str:
    """`text` on one line, with each unsafe character as \\u and its code."""
    return _ON_ONE_LINE.sub(_code, text)


def spelt_lines(text: str) -> str:
    """Like `spelt`, but keeps line feeds and tabs."""
    return _ON_LINES.sub(_code, text)


def _code(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"
