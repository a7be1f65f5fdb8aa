"""Which places of a cluster can take a case, and which machines are of one type. Plain values: no Ray here."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnbench.errors import BadExpression, NoWorkers
from rnnbench.runs.request import Request

LABEL = "machine"
"""The label by which nodes say that they differ where their hardware does not show it."""
_OWN_LABEL = "ray.io/node-id"
_FACTS = ("model", "cores", "logical", "usable", "governor")  # of a CPU; how fast its clock is now is none


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one case at a time. Ray sets `cpus` and `gpus` aside; a case is confined to `cores`, where they are stated."""

    node: str
    host: str
    labels: Mapping[str, str]
    cpus: float
    gpus: int
    cores: int | None
    index: int


def slots(nodes: Iterable[Mapping[str, Any]], request: Request) -> list[Slot]:
    """The places that a request may use, as `ray.nodes()` tells of the nodes. Raises NoWorkers, with what there is."""
    alive = [one for one in nodes if one["Alive"]]
    wanted = dict(map(_pair, request.on))
    here = [one for one in alive if all(one["Labels"].get(name) == value for name, value in wanted.items())]
    if not here:
        raise NoWorkers(f"no machine of the cluster has {' and '.join(request.on)}; {_labels(alive)}")
    on_gpu = request.device == "cuda" or (request.device is None and any(one["Resources"].get("GPU", 0) >= 1 for one in here))
    found = [slot for one in here for slot in (_on_gpus(one, request) if on_gpu else _on_cpus(one, request))]
    if not found:
        what = "a GPU" if on_gpu else f"{request.cores or 1} CPU cores"
        has = "; ".join(f"{one['NodeManagerHostname']}: {_resources(one)}" for one in here)
        raise NoWorkers(f"no machine of the cluster has {what} for a case ({has})")
    return found


def machine_type(machine: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """A name for machines whose figures may stand beside each other: model, and a digest of all that must agree."""
    told = facts(machine) | {LABEL: labels.get(LABEL)}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:6]
    gpus = told["gpus"]
    return f"{labels.get(LABEL) or (gpus[0] if gpus else told['cpu'].get('model', 'unknown'))} #{digest}"


def facts(machine: Mapping[str, Any]) -> dict[str, Any]:
    """Hardware, limits and versions, without what differs between two machines of one type."""
    cpu = machine.get("cpu", {})
    return {
        "cpu": {name: cpu[name] for name in _FACTS if name in cpu},
        "container": machine.get("container", {}).get("cpu_limit"),
        "gpus": [one.get("name") for one in machine.get("gpus", ())],
        "python": machine.get("python"),
        "packages": machine.get("packages"),
        "torch": machine.get("torch"),
    }


def _on_cpus(node: Mapping[str, Any], request: Request) -> Iterator[Slot]:
    """One place that has the node to itself, or with --share as many as have cores enough."""
    whole = float(node["Resources"].get("CPU", 0))
    cores = request.cores or (1 if request.share else None)
    if whole < (cores or 1):
        return
    count = int(whole // cores) if request.share and cores else 1
    for index in range(count):
        yield _slot(node, cpus=float(cores or 1) if request.share else whole, gpus=0, cores=cores, index=index)


def _on_gpus(node: Mapping[str, Any], request: Request) -> Iterator[Slot]:
    """One place for each GPU, with an even share of the cores."""
    count, whole = int(node["Resources"].get("GPU", 0)), int(node["Resources"].get("CPU", 0))
    cores = request.cores or (whole // count if count > 1 else None) or None
    for index in range(count if (cores or 0) * count <= max(whole, 1) or count == 1 else whole // (cores or 1)):
        yield _slot(node, cpus=float(cores or whole), gpus=1, cores=cores, index=index)


def _slot(node: Mapping[str, Any], **more: Any) -> Slot:
    labels = {name: value for name, value in node["Labels"].items() if name != _OWN_LABEL}
    return Slot(node=node["NodeID"], host=node["NodeManagerHostname"], labels=labels, **more)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise BadExpression("--on", text, "write LABEL=VALUE, as nodes were started: ray start --labels machine=a")
    return name, value


def _labels(nodes: Sequence[Mapping[str, Any]]) -> str:
    told = sorted({f"{name}={value}" for one in nodes for name, value in one["Labels"].items() if name != _OWN_LABEL})
    return f"there are: {', '.join(told)}" if told else "its machines have no labels (ray start --labels machine=a)"


def _resources(node: Mapping[str, Any]) -> str:
    return ", ".join(f"{node['Resources'].get(name, 0):g} {name}" for name in ("CPU", "GPU"))
