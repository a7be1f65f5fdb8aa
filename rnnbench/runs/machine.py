"""What a run knows of its machine's limits before its first case: ceilings, from the cache or measured in a child."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rnnbench.errors import RnnbenchError
from rnnbench.measure.known import ceilings_of, machine_key
from rnnbench.record import Record, Run
from rnnbench.roofline import Ceilings, placed
from rnnbench.runs.client import ForkServer

CEILINGS = "ceilings"


def with_ceilings(run: Run, device: str, results: Path, server: ForkServer, log: Path) -> Run:
    """The run, its machine's ceilings known. Where they cannot be had, the reason stands in their place."""
    if CEILINGS in run.machine:
        return run
    try:
        found = ceilings_of(results, machine_key(run.machine, device, run.arguments.get("pin")), lambda: measured(device, server, log))
        told = found.as_dict()
    except RnnbenchError as error:
        told = {"absent": {"all": str(error)}}
    return replace(run, machine={**run.machine, CEILINGS: told})


def measured(device: str, server: ForkServer, log: Path) -> Ceilings:
    """Ceilings as a child of the server measures them now."""
    return Ceilings.from_dict(server.ask(CEILINGS, {"device": device}, log)[CEILINGS])


def put_in_place(record: Record, machine: Mapping[str, object]) -> Record:
    """The record with its share of the machine's ceilings."""
    told = machine.get(CEILINGS)
    if not isinstance(told, Mapping) or "device" not in told:
        why = dict(told.get("absent", {})).get("all", "") if isinstance(told, Mapping) else ""
        return placed(record, None, why)
    return placed(record, Ceilings.from_dict(told))
