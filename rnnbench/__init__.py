"""rnnbench: throughput, memory and convergence of deep recurrent networks, measured honestly.

This is the public API: the names that a suite file, a user's own variant or a notebook imports. Each is loaded on first use,
so `import rnnbench` does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnbench.analysis.frames import frame, load_run
    from rnnbench.axis import Where, own_axis
    from rnnbench.case import Case
    from rnnbench.interactive import Records, compare, measure
    from rnnbench.record import METRICS, Record, Run
    from rnnbench.suite import Suite, grid
    from rnnbench.tasks import task
    from rnnbench.variants import variant

__version__ = "0.1.0"

_HOMES = {
    "Case": "rnnbench.case",
    "Where": "rnnbench.axis",
    "own_axis": "rnnbench.axis",
    "Suite": "rnnbench.suite",
    "grid": "rnnbench.suite",
    "METRICS": "rnnbench.record",
    "Record": "rnnbench.record",
    "Run": "rnnbench.record",
    "variant": "rnnbench.variants",
    "task": "rnnbench.tasks",
    "Records": "rnnbench.interactive",
    "compare": "rnnbench.interactive",
    "measure": "rnnbench.measure",
    "load_run": "rnnbench.analysis.frames",
    "frame": "rnnbench.analysis.frames",
}

__all__ = [
    "METRICS",
    "Case",
    "Record",
    "Records",
    "Run",
    "Suite",
    "Where",
    "compare",
    "frame",
    "grid",
    "load_run",
    "measure",
    "own_axis",
    "task",
    "variant",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rnnbench' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    return home if name == "measure" else getattr(home, name)  # rnnbench.measure is a package that can be called
