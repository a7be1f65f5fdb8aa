"""Writes the hidden sizes of suites/bench_equal_parameters.py from the variants' parameter formulas. With `--check`, says what is stale.

A size is the multiple of 8 whose network comes closest to the LSTM's number of weights; where none is within 1 %, of 4, of 2, or any.
"""

import re
import sys

from rnnbench.case import Case
from rnnbench.runs import catalog
from rnnbench.variants import VARIANTS

SUITE = catalog.suites_folder() / "bench_equal_parameters.py"
TOLERANCE = 0.01
MULTIPLES = (8, 4, 2, 1)  # matrix products are fastest at multiples of 8
DEPTH = 2
_TABLE = re.compile(r"(HIDDEN = \{[^\n]*\n).*?(\n\}\n)", re.DOTALL)


def weights(variant: str, hidden: int, inputs: int) -> int:
    """Of a variant at these sizes."""
    case = Case(suite="s", variant=variant, depth=DEPTH, hidden_size=hidden, input_size=inputs)
    return VARIANTS[variant].parameters(case)


def size(variant: str, width: int) -> int:
    """The hidden size at which the variant has as many weights as an LSTM as wide as its input."""
    goal = weights("lstm", width, width)
    for step in MULTIPLES:
        nearest = min(range(step, 4 * width, step), key=lambda hidden: (abs(weights(variant, hidden, width) / goal - 1), hidden))
        if abs(weights(variant, nearest, width) / goal - 1) <= TOLERANCE:
            return nearest
    raise ValueError(f"no hidden size gives {variant} within {TOLERANCE:.0%} of {goal:,} weights")


def made(text: str) -> str:
    """The suite's file with its table made anew, for the variants that it names."""
    widths = re.search(r"LSTM = \{(.*?)\}", text)[1]
    numbers = [int(number) for number in re.findall(r"\d+", widths)]
    names = re.findall(r'^    "(\w+)": \(', _TABLE.search(text)[0], re.MULTILINE)
    rows = (f'    "{name}": ({", ".join(str(size(name, width)) for width in numbers)}),' for name in names)
    return _TABLE.sub(lambda found: found[1] + "\n".join(rows) + found[2], text)


def main() -> None:
    before = SUITE.read_text(encoding="utf-8")
    after = made(before)
    if "--check" in sys.argv:
        sys.exit(0 if before == after else f"{SUITE.name} is stale; make it anew with: python docs/make_sizes.py")
    SUITE.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
