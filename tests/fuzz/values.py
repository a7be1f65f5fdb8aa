"""What somebody who means harm, or a broken disk, puts where a figure or a name belongs."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.strategies import JSON

NASTY = (
    "\x1b]0;title\x07\x1b[2J\x1b[31mred",
    "\x9b31m\x08\x08\r\x00",
    "a\nrnnbench: all is well\r\n::error title=x::y",
    "\u202egnp.exe\u2028\u200b",
    "\ud800 \udfff",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</script><!--",
    "]]> &amp; &#x3c; {{ 7*7 }} {% raw %}",
    "[link](javascript:alert(1)) ![i](http://192.0.2.1/x) `code` | cell",
    "[bold]markup[/] [/] [link=http://192.0.2.1]x[/link]",
    "../../outside",
    "/etc/passwd",
    "..",
    ".",
    "",
    "~root/x",
    "C:\\x",
    "CON",
    "=1+1",
    "$x^2$ \\frac{1}{0} %s %(name)s {0}",
    "nan",
    "x" * 5000,
    "\u0645\u0631\u062d\u0628\u0627 e\u0301 \U0001f600",
)
NUMBERS = (0, -1, 1, 2**31, 2**63, 10**400, 1e308, 5e-324, -0.0, float("nan"), float("inf"), True, False, None)
NAMES = st.sampled_from(NASTY) | st.text(max_size=12)
VALUES = st.sampled_from(NASTY) | st.sampled_from(NUMBERS) | JSON
KEYS = st.sampled_from(NASTY) | st.sampled_from(("id", "case", "schema", "status", "median", "data", "params", "0"))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a tree of JSON, the tree's own first."""
    yield path
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in rows:
        yield from places(inner, (*path, key))


@st.composite
def spoilt(draw: st.DrawFn, whole: Any, most: int = 3) -> Any:
    """A tree of JSON with a few of its values replaced, removed, or joined by others."""
    found = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, most))):
        path = draw(st.sampled_from(list(places(found))))
        if not path:
            if draw(st.integers(0, 9)) == 0:
                return draw(VALUES)
            continue
        home = found
        for key in path[:-1]:
            home = home[key]
        match draw(st.sampled_from(("replace", "replace", "remove", "add"))):
            case "replace":
                home[path[-1]] = draw(VALUES)
            case "remove":
                del home[path[-1]]
            case _ if isinstance(home, dict):
                home[draw(KEYS)] = draw(VALUES)
            case _:
                home.append(draw(VALUES))
    return found
