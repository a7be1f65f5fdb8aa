"""How much memory this process may still allocate, by machine, cgroup and its own limits."""

import re
import resource
from collections.abc import Iterator
from pathlib import Path

import psutil

_MOUNT = Path("/sys/fs/cgroup")
_STATUS = Path("/proc/self/status")
_GROUPS = Path("/proc/self/cgroup")
_LIMITS = {"VmSize": resource.RLIMIT_AS, "VmData": resource.RLIMIT_DATA}


def free_bytes() -> int:
    """Bytes left under the tightest of the three limits."""
    return max(0, min([psutil.virtual_memory().available, *_left_by_groups(), *_left_by_limits()]))


def oom_kills() -> int:
    """Number of out-of-memory kills in this control group and its children; of the whole machine if groups do not count them."""
    for folder in own_groups()[:1]:
        if counted := _counted(folder / "memory.events"):  # version 2 includes child groups
            return counted[0]
        if counted := [count for file in folder.rglob("memory.oom_control") for count in _counted(file)]:
            return sum(counted)
    return sum(_counted(Path("/proc/vmstat")))


def _counted(file: Path) -> list[int]:
    """The file's count of OOM kills, as a list of at most one."""
    return [int(count) for count in re.findall(r"^oom_kill (\d+)$", _text(file), re.MULTILINE)]


def own_groups() -> list[Path]:
    """Folders of the control groups (version 2 or 1) that limit this process's memory, innermost first."""
    for line in _text(_GROUPS).splitlines():
        _, kinds, path = line.split(":", 2)
        mount = _MOUNT / "memory" if kinds == "memory" else _MOUNT
        if kinds not in ("", "memory") or not any((mount / name).exists() for name in ("memory.limit_in_bytes", "cgroup.controllers")):
            continue
        inner = mount / path.lstrip("/")
        if not inner.is_dir():  # a container may see only its own group, at the mount point
            inner = mount
        return [one for one in (inner, *inner.parents) if one.is_relative_to(mount)]
    return []


def limit_data(size: int) -> None:
    """Limit this process to `size` bytes of data beyond what it holds now (RLIMIT_DATA: writable memory, not read-only mappings)."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (held_bytes("VmData") + size, hard))


def held_bytes(name: str) -> int:
    """A field of /proc/self/status, in bytes; 0 if it is missing."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", _text(_STATUS), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _left_by_groups() -> Iterator[int]:
    for folder in own_groups():
        limit = _number(folder, "memory.max", "memory.limit_in_bytes")
        used = _number(folder, "memory.current", "memory.usage_in_bytes")
        if limit is not None and used is not None:
            cache = re.search(r"^(?:total_)?inactive_file (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
            yield limit - used + (int(cache[1]) if cache else 0)


def _left_by_limits() -> Iterator[int]:
    for name, limit in _LIMITS.items():
        soft = resource.getrlimit(limit)[0]
        if soft != resource.RLIM_INFINITY:
            yield soft - held_bytes(name)


def _number(folder: Path, *names: str) -> int | None:
    """The number in the first file that holds one; None for `max`, which version 2 writes for no limit."""
    return next((int(text) for name in names if (text := _text(folder / name).strip()).isdigit()), None)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
