"""Which slots of a cluster can take a case, and which machines are of one type. Plain values, without Ray."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnbench.errors import BadExpression, NoWorkers
from rnnbench.runs.request import Request

LABEL = "machine"
"""The label that distinguishes machine types whose hardware looks the same."""
_OWN_LABEL = "ray.io/node-id"
_FACTS = ("model", "cores", "logical", "usable", "governor")  # of a CPU; its current clock is not among them


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one case at a time. Ray reserves `cpus` and `gpus`; a case is confined to `cores` CPU cores if that is not None."""

    node: str
    host: str
    labels: Mapping[str, str]
    cpus: float
    gpus: int
    cores: int | None
    index: int


def slots(nodes: Iterable[Mapping[str, Any]], request: Request) -> list[Slot]:
    """The slots that a request may use among the nodes of `ray.nodes()`. Raises NoWorkers, which lists what there is."""
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
    """A name for machines whose figures can be compared: the model, and a digest of all facts that must agree."""
    found = facts(machine) | {LABEL: labels.get(LABEL)}
    digest = hashlib.sha256(json.dumps(found, sort_keys=True, default=str).encode()).hexdigest()[:6]
    gpus = found["gpus"]
    return f"{labels.get(LABEL) or (gpus[0] if gpus else found['cpu'].get('model', 'unknown'))} #{digest}"


def facts(machine: Mapping[str, Any]) -> dict[str, Any]:
    """Hardware, limits and versions, without facts that differ between machines of one type."""
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
    """One slot with the whole node, or with --share as many as its cores allow."""
    whole = float(node["Resources"].get("CPU", 0))
    cores = request.cores or (1 if request.share else None)
    if whole < (cores or 1):
        return
    count = int(whole // cores) if request.share and cores else 1
    for index in range(count):
        yield _slot(node, cpus=float(cores or 1) if request.share else whole, gpus=0, cores=cores, index=index)


def _on_gpus(node: Mapping[str, Any], request: Request) -> Iterator[Slot]:
    """One slot per GPU, with an even share of the cores."""
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
    labels = sorted({f"{name}={value}" for one in nodes for name, value in one["Labels"].items() if name != _OWN_LABEL})
    return f"there are: {', '.join(labels)}" if labels else "its machines have no labels (ray start --labels machine=a)"


def _resources(node: Mapping[str, Any]) -> str:
    return ", ".join(f"{node['Resources'].get(name, 0):g} {name}" for name in ("CPU", "GPU"))
