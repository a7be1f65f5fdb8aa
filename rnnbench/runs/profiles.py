"""Profiling cases, each in its own child, while the device is locked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnbench.device.machine_cache import CEILINGS
from rnnbench.errors import CannotWrite
from rnnbench.runs.local import Local
from rnnbench.runs.lock import device_lock, held
from rnnbench.runs.machine import with_ceilings
from rnnbench.runs.prepare import Prepared
from rnnbench.runs.processes.client import Event

LOGS = "logs"


def profiles(ready: Prepared, steps: int, folder: Path) -> Iterator[tuple[Event, dict[str, Any]]]:
    """Each case's profile, and the machine's ceilings. Traces and logs go into `folder`."""
    assert isinstance(ready.executor, Local)  # the command offers no other
    server = ready.executor.server
    try:
        (folder / LOGS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(folder, error.strerror or error) from None
    with held(f"device {ready.device!r}", device_lock(ready.device)):
        run = with_ceilings(ready.run, ready.device, ready.request.results, server, folder / LOGS / "ceilings.log")
        for case, _ in ready.plan.tasks:
            name = str(case).replace("/", "-")
            job = {
                "case": case.as_dict(),
                "steps": steps,
                "plugins": ready.plan.plugins,
                "trace": str(folder.absolute() / f"{name}.trace.json.gz"),
            }
            yield server.ask("profile", job, folder / LOGS / f"{name}.log")["profile"], run.machine[CEILINGS]
