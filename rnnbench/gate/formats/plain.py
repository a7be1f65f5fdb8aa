"""A complete comparison as JSON."""

import json
from dataclasses import asdict
from typing import Any

from rnnbench.gate.verdict import Comparison


def as_json(comparison: Comparison) -> str:
    """Every finding with every number."""
    return json.dumps(as_dict(comparison), indent=1)


def as_dict(comparison: Comparison) -> dict[str, Any]:
    """Plain values, as JSON holds them."""
    return {
        "base": comparison.base,
        "candidate": comparison.candidate,
        "exit_code": comparison.exit_code,
        "counts": comparison.counts,
        "paired": comparison.paired,
        "alpha": comparison.alpha,
        "confidence": comparison.confidence,
        "differences": {name: list(pair) for name, pair in comparison.differences.items()},
        "design": {name: list(pair) for name, pair in comparison.design.items()},
        "notes": list(comparison.notes),
        "findings": [asdict(finding) for finding in comparison.findings],
    }
