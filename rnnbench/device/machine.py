"""The machine that a number was measured on: CPU, memory, container limits, GPUs, torch build, threads."""

import os
import platform
import socket
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import torch

import rnnbench
from rnnbench.device import environment

_PACKAGES = ("torch", "pytest-benchmark", "pytest", "numpy", "pandas")
_CPU = Path("/sys/devices/system/cpu")
_CGROUP = Path("/sys/fs/cgroup")


def fingerprint() -> dict[str, Any]:
    """The machine as JSON values. Values that cannot be read are left out."""
    return {
        "hostname": socket.gethostname(),
        "os": f"{platform.system()} {platform.release()}",
        "cpu": _without_none(_cpu()),
        "memory_bytes": psutil.virtual_memory().total,
        "container": _without_none(_container()),
        "gpus": _gpus(),
        "python": platform.python_version(),
        "packages": {"rnnbench": rnnbench.__version__, **{name: version for name in _PACKAGES if (version := _version(name))}},
        "torch": _without_none(_torch()),
        "environment": environment.stated(),
    }


def _cpu() -> dict[str, Any]:
    frequency = None
    with suppress(Exception):  # psutil raises what the platform raises
        frequency = psutil.cpu_freq()
    return {
        "model": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(logical=False) or psutil.cpu_count(),
        "logical": psutil.cpu_count(),
        "usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "mhz": round(frequency.current) if frequency else None,
        "governor": _text(_CPU / "cpu0/cpufreq/scaling_governor"),
    }


def _container() -> dict[str, Any]:
    """CPU and memory limits of the control group, version 2 or 1."""
    version_1 = " ".join(_text(_CGROUP / f"cpu/cpu.cfs_{name}_us") or "" for name in ("quota", "period"))
    texts = (_text(_CGROUP / "cpu.max") or "", version_1)
    quota, period = next((words for text in texts if len(words := text.split()) == 2), ["max", "0"])
    memory = _text(_CGROUP / "memory.max") or _text(_CGROUP / "memory/memory.limit_in_bytes")
    limited = memory is not None and memory.isdigit() and int(memory) < psutil.virtual_memory().total
    return {
        "cpu_limit": int(quota) / int(period) if quota.isdigit() else None,
        "memory_limit_bytes": int(memory) if memory and limited else None,
    }


def usable_cores() -> int:
    """Number of cores that this process may use, by CPU affinity and the container's limit."""
    pinned = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = _container()["cpu_limit"]
    return max(1, min(pinned, int(limit) if limit else pinned))


def _gpus() -> list[dict[str, Any]]:
    """The CUDA devices that torch sees. Initialises CUDA in this process."""
    if not torch.cuda.is_available():
        return []
    driver = _text(Path("/proc/driver/nvidia/version"))
    found = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        row = {"name": properties.name, "memory_bytes": properties.total_memory, "capability": f"{properties.major}.{properties.minor}"}
        found.append({**row, **({"driver": driver.splitlines()[0]} if driver else {})})
    return found


def _torch() -> dict[str, Any]:
    backends: Any = torch.backends
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": backends.cudnn.version(),
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "cpu_capability": backends.cpu.get_cpu_capability(),
        "mkldnn": backends.mkldnn.is_available(),
        "mkl": backends.mkl.is_available(),
    }


def _version(package: str) -> str | None:
    try:
        return str(metadata.version(package))
    except metadata.PackageNotFoundError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _line(path: str, key: str) -> str | None:
    """The first `key : value` of a /proc file."""
    lines = (_text(Path(path)) or "").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}
