"""What the kernel says of memory: how often it killed for want of it, and how much there is."""

import re
from pathlib import Path

_COUNTERS = (
    (Path("/proc/vmstat"), r"^oom_kill (\d+)$"),
    (Path("/sys/fs/cgroup/memory.events"), r"^oom_kill (\d+)$"),
    (Path("/sys/fs/cgroup/memory/memory.oom_control"), r"^oom_kill (\d+)$"),
)


def oom_kills() -> int:
    """Processes that the kernel has killed for memory: of the machine, and of this control group. 0 where it does not say."""
    total = 0
    for path, pattern in _COUNTERS:
        try:
            found = re.search(pattern, path.read_text(encoding="ascii"), re.MULTILINE)
        except OSError:
            continue
        total += int(found[1]) if found else 0
    return total
