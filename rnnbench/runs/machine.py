"""The machine's ceilings for a run: from the cache, or measured in a child."""

from dataclasses import replace
from pathlib import Path

from rnnbench.device.load import at_start, is_quiet
from rnnbench.device.machine_cache import CEILINGS, ceilings_known, ceilings_of, machine_key
from rnnbench.errors import RnnbenchError
from rnnbench.record import Run
from rnnbench.roofline import Ceilings
from rnnbench.runs.processes.client import ForkServer


def with_ceilings(run: Run, device: str, results: Path, server: ForkServer, log: Path) -> Run:
    """The run with its machine's ceilings, or with the reason why they could not be measured."""
    if CEILINGS in run.machine:
        return run
    key = machine_key(run.machine, device, run.arguments.get("pin"))
    quiet = ceilings_known(results, key) is not None or is_quiet(run.arguments.get("load_at_start") or at_start(device))
    try:
        found = ceilings_of(results, key, lambda: measured(device, server, log), quiet=quiet)
        told = found.as_dict()
    except RnnbenchError as error:
        told = {"absent": {"all": str(error)}}
    except (KeyError, TypeError, ValueError) as error:
        told = {"absent": {"all": f"another version of rnnbench recorded its ceilings differently ({error!r})"}}
    return replace(run, machine={**run.machine, CEILINGS: told})


def measured(device: str, server: ForkServer, log: Path) -> Ceilings:
    """Measure the ceilings in a child of the server."""
    return Ceilings.from_dict(server.ask(CEILINGS, {"device": device}, log)[CEILINGS])
