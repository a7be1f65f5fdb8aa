"""A comparison as JUnit XML: a test case for each finding, as CI servers show them."""

import re
from typing import Any
from xml.etree import ElementTree as Xml

from rnnbench.errors import EXIT_OK, EXIT_REGRESSION
from rnnbench.gate.formats import words
from rnnbench.gate.verdict import Comparison, Finding

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(comparison: Comparison) -> str:
    """Failures are what fails the comparison; what is inconclusive is skipped, with its reason."""
    failed = sum(finding.exit_code == EXIT_REGRESSION for finding in comparison.findings)
    unsure = sum(finding.exit_code not in (EXIT_OK, EXIT_REGRESSION) for finding in comparison.findings)
    counts: dict[str, Any] = {"tests": str(len(comparison.findings)), "failures": str(failed), "errors": "0", "skipped": str(unsure)}
    root = Xml.Element("testsuites", name="rnnbench", **counts)
    suite = Xml.SubElement(root, "testsuite", name=_clean(f"{comparison.candidate} against {comparison.base}"), **counts)
    for finding in comparison.findings:
        _case(suite, finding)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _case(suite: Xml.Element, finding: Finding) -> None:
    name = f"{finding.case} {words.subject(finding)}"
    case = Xml.SubElement(suite, "testcase", classname=_clean(finding.case.partition("/")[0]), name=_clean(name), time="0")
    if finding.exit_code == EXIT_REGRESSION:
        Xml.SubElement(case, "failure", type=finding.verdict, message=_clean(words.sentence(finding)))
    elif finding.exit_code != EXIT_OK:
        Xml.SubElement(case, "skipped", message=_clean(words.sentence(finding)))
    else:
        Xml.SubElement(case, "system-out").text = _clean(words.sentence(finding))


def _clean(text: str) -> str:
    """Without characters that XML cannot hold: a crashed process may say anything."""
    return _NO_XML.sub("�", text)
