"""The executor for a request: this machine, or a Ray cluster."""

from pathlib import Path

from rnnbench.errors import UnknownName, UsageError
from rnnbench.runs.executor import Executor
from rnnbench.runs.local import Local
from rnnbench.runs.request import Request

EXECUTORS = ("local", "ray")
_OF_RAY = {"address": "--address", "on": "--on", "cores": "--cores", "share": "--share", "replicate_on_each": "--replicate-on-each"}


def executor_of(request: Request, scratch: Path) -> Executor:
    """The executor that a request names. Raises UsageError if an option belongs to another executor."""
    if (name := request.executor or "local") == "local":
        if alien := [option for name, option in _OF_RAY.items() if getattr(request, name)]:
            raise UsageError(f"{alien[0]} applies to a cluster: add --executor ray, or leave it out")
        return Local(request, scratch)
    if name == "ray":
        from rnnbench.runs.cluster.executor import OnRay

        return OnRay(request)
    raise UnknownName("executor", name, EXECUTORS)
