"""Where an interactive measurement runs: in processes of its own, or in this one if the model cannot be sent."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.device.machine_cache import CEILINGS, ceilings_known, machine_key, put_in_place
from rnnbench.errors import UsageError
from rnnbench.measure.job import Job
from rnnbench.measure.own.model import register
from rnnbench.measure.own.parcel import CannotPack, Parcel, pack
from rnnbench.own_model import SUITE_FILE
from rnnbench.record import Record, Trial
from rnnbench.runs.lock import device_lock, held
from rnnbench.runs.processes.client import ForkServer
from rnnbench.runs.processes.supervisor import Supervisor
from rnnbench.scratch import scratch

RESULTS = Path("results")
INTERRUPTED = 2  # pytest's exit code
Cases = Callable[[str, Mapping[str, Any]], Sequence[Case]]
"""The cases on a device, of a model whose factory takes these axes."""
Seen = Callable[[int, Record], None]
"""Told of each record as it comes, and of how many there will be."""


def in_processes(parcel: Parcel, name: str, cases: Cases, budget: Budget, device: str | None, limit_s: float, seen: Seen) -> list[Record]:
    """A fresh process for each case. Raises CannotPack, before anything is measured, where the model cannot be sent there."""
    found: list[Record] = []
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(scratch())
        path = str(pack(parcel, name, place))
        server = ForkServer(place / "server.log", environment=environment())
        stack.callback(server.close)
        try:
            survey = server.ask("survey", {"device": device, "plugins": [path]}, place / "survey.log")
        except UsageError as error:
            if Path(path).name in str(error):
                raise CannotPack(str(error)) from error
            raise
        machine, device = survey["machine"], survey["device"]
        planned = cases(device, survey["own"][name])
        stack.enter_context(held(f"device {device!r}", device_lock(device), _say))
        warm = [server]
        supervisor = Supervisor(
            start=lambda: warm.pop() if warm else ForkServer(place / "server.log", environment=environment()),
            log_path=lambda called: place / f"{called}.log",
            limit=lambda _: limit_s,
            watch=lambda *_: None,
        )
        stack.callback(supervisor.close)
        for case in planned:
            job = Job(suite_path=str(SUITE_FILE), tasks=(Trial(case, 0),), budget=budget, plugins=(path,))
            for record in supervisor.run(job):
                found.append(_placed(record, machine))
                seen(len(planned), found[-1])
    return found


def in_this_process(parcel: Parcel, name: str, cases: Cases, budget: Budget, device: str | None, seen: Seen) -> list[Record]:
    """One case after another, here. The random state, the environment and the model itself are left as they were."""
    import torch

    from rnnbench.device.devices import Device, best
    from rnnbench.device.machine import fingerprint
    from rnnbench.runs.processes.child import session

    own = parcel.own(name)
    register(own)
    device = Device(device or best()).name
    machine, planned = fingerprint(), cases(device, own.axes)
    found: list[Record] = []

    def emit(event: Mapping[str, Any]) -> None:
        if event["event"] == "record":
            found.append(_placed(Record.from_dict(event["record"]), machine))
            seen(len(planned), found[-1])

    with held(f"device {device!r}", device_lock(device), _say), torch.random.fork_rng():
        for case in planned:
            with _quiet():
                code = session(Job(suite_path=str(SUITE_FILE), tasks=(Trial(case, 0),), budget=budget), emit)
            if code == INTERRUPTED:
                raise KeyboardInterrupt
    return found


def environment() -> dict[str, str]:
    """What a measuring process needs to import what this one can, and to compute with as many threads."""
    import torch

    threads = str(torch.get_num_threads())
    paths = [os.path.abspath(path) for path in sys.path if not path.endswith(".zip")]  # noqa: PTH100 - "" is the current folder
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}


def _placed(record: Record, machine: Mapping[str, Any]) -> Record:
    """With its share of the ceiling, where a run in this folder measured the machine's ceilings."""
    known = ceilings_known(RESULTS, machine_key(machine, record.case.device))
    return put_in_place(record, {**machine, CEILINGS: known.as_dict()} if known else machine)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What pytest prints goes nowhere, and what it leaves in the environment is taken out again."""
    before = dict(os.environ)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        try:
            yield
        finally:
            for name in os.environ.keys() - before.keys():
                del os.environ[name]
            os.environ.update(before)


def _say(sentence: str) -> None:
    sys.stderr.write(f"rnnbench: {sentence}\n")
