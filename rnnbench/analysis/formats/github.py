"""A comparison as GitHub's annotations: workflow commands on standard output, gravest first."""

from collections.abc import Iterator

from rnnbench.analysis.formats import words
from rnnbench.analysis.verdict import Comparison
from rnnbench.errors import EXIT_INCONCLUSIVE, EXIT_REGRESSION
from rnnbench.spelling import spelt_lines

MOST = 10  # GitHub shows so many of each kind a step
_KINDS = {EXIT_REGRESSION: "error", EXIT_INCONCLUSIVE: "warning"}


def as_github(comparison: Comparison) -> str:
    """`::error`, `::warning` and `::notice` lines, and one that says what was left out."""
    return "\n".join(_lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    told: dict[str, int] = {}
    for finding in comparison.findings:
        if finding.verdict == "equivalent":
            continue
        kind = _KINDS.get(finding.exit_code, "notice")
        told[kind] = told.get(kind, 0) + 1
        if told[kind] <= MOST:
            yield f"::{kind} title={_property(finding.case)}::{_data(words.sentence(finding))}"
    more = sum(max(0, count - MOST) for count in told.values())
    yield f"::notice title=rnnbench::{_data(words.headline(comparison))}{f' ({more} not annotated)' if more else ''}"


def _data(text: str) -> str:
    return spelt_lines(text.replace("\r\n", "\n")).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
