"""A comparison as JSON, whole."""

import json
from dataclasses import asdict
from typing import Any

from rnnbench.analysis.verdict import Comparison


def as_json(comparison: Comparison) -> str:
    """Every finding with every number."""
    return json.dumps(told(comparison), indent=1)


def told(comparison: Comparison) -> dict[str, Any]:
    """As JSON takes it."""
    return {
        "base": comparison.base,
        "candidate": comparison.candidate,
        "exit_code": comparison.exit_code,
        "counts": comparison.counts,
        "paired": comparison.paired,
        "alpha": comparison.alpha,
        "differences": {name: list(pair) for name, pair in comparison.differences.items()},
        "notes": list(comparison.notes),
        "findings": [asdict(finding) for finding in comparison.findings],
    }
