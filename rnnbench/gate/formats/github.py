"""A comparison as GitHub's annotations: workflow commands on standard output, gravest first."""

from collections.abc import Iterator

from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from rnnbench.gate.formats import words
from rnnbench.gate.verdict import Comparison
from rnnbench.spelling import spelt_lines

MOST = 10  # annotations of each kind that GitHub shows per step
_KINDS = {EXIT_REGRESSION: "error", EXIT_INCONCLUSIVE: "warning"}


def as_github(comparison: Comparison) -> str:
    """`::error`, `::warning` and `::notice` lines, and one that counts those left out."""
    return "\n".join(_lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    counts: dict[str, int] = {}
    for finding in comparison.findings:
        if finding.verdict == "equivalent":
            continue
        kind = _KINDS.get(finding.exit_code, "notice")
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] <= MOST:
            yield f"::{kind} title={_property(finding.case)}::{_data(words.sentence(finding))}"
    more = sum(max(0, count - MOST) for count in counts.values())
    yield f"::notice title=rnnbench::{_data(words.headline(comparison))}{f' ({more} not annotated)' if more else ''}"


def _data(text: str) -> str:
    return spelt_lines(text.replace("\r\n", "\n")).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
