"""rnnbench: throughput, memory and convergence of deep recurrent networks, measured honestly.

This is the face: what a suite file, a user's own variant or a notebook imports. Everything is loaded on first use,
so `import rnnbench` costs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnbench.analysis.store import frame, load_run
    from rnnbench.case import Case
    from rnnbench.record import METRICS, Record, Run
    from rnnbench.suite import Suite, grid
    from rnnbench.variants import variant

__version__ = "0.1.0"

_HOMES = {
    "Case": "rnnbench.case",
    "Suite": "rnnbench.suite",
    "grid": "rnnbench.suite",
    "METRICS": "rnnbench.record",
    "Record": "rnnbench.record",
    "Run": "rnnbench.record",
    "variant": "rnnbench.variants",
    "load_run": "rnnbench.analysis.store",
    "frame": "rnnbench.analysis.store",
}

__all__ = ["METRICS", "Case", "Record", "Run", "Suite", "frame", "grid", "load_run", "variant"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rnnbench' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
