"""`--executor ray`: the cases of a run on the machines of a Ray cluster, all of one type."""

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnbench import bounded
from rnnbench.errors import BadPlugin, NoSuchDevice, UsageError
from rnnbench.measure.job import Job
from rnnbench.own_data import DataSource, is_data
from rnnbench.own_model import is_own
from rnnbench.record import Record, Run
from rnnbench.registry import user_path
from rnnbench.runs.catalog import find, shipped
from rnnbench.runs.cluster.dispatch import Dispatch
from rnnbench.runs.cluster.link import connected
from rnnbench.runs.cluster.slots import LABEL, Slot, facts, slots
from rnnbench.runs.cluster.worker import Orders, Worker
from rnnbench.runs.cluster.worker_handle import WorkerHandle
from rnnbench.runs.cluster.worker_pool import WorkerPool
from rnnbench.runs.executor import Scene
from rnnbench.runs.processes.client import Event
from rnnbench.runs.request import Request

MOST_FILE_BYTES = 64 * 2**20


class OnRay:
    """Measures on a Ray cluster. Each machine surveys itself, has its own lock and ceilings, and supervises its own cases."""

    def __init__(self, request: Request, worker_class: type = Worker) -> None:
        _check(request)
        self._request = request
        self._worker_class = worker_class
        self._stack = contextlib.ExitStack()
        self._ray = self._stack.enter_context(connected(request.address))
        self._pool: WorkerPool | None = None
        self._dispatch: Dispatch | None = None

    @property
    def pool(self) -> WorkerPool:
        """All workers. Available after `survey`."""
        assert self._pool is not None
        return self._pool

    @property
    def at_once(self) -> int:
        """Number of workers now."""
        return len(self.pool.workers)

    def machine_types(self) -> list[str]:
        """Every machine type that could measure the request, the most common first. Call after `look_around`."""
        return [name for name, _ in Counter(one.machine_type for one in self.pool.workers).most_common()]

    def survey(self, request: Request, plugins: tuple[str, ...], scratch: Path) -> Event:  # noqa: ARG002 - workers have their own folders
        """The survey of the first machine of the chosen type. Raises UsageError if types are mixed and none was chosen."""
        self.look_around(plugins)
        types = self.machine_types()
        wanted = request.machine_type
        if wanted is not None and wanted not in types:
            raise UsageError(f"no machine of type {wanted!r} is in the cluster; there are: {', '.join(types)}")
        if wanted is None and len(types) > 1:
            raise UsageError(
                f"the cluster has machines of {len(types)} types ({', '.join(types)}), whose figures cannot be compared:"
                " choose one with --on LABEL=VALUE, or measure on each with --replicate-on-each"
            )
        self.pool.keep(wanted or types[0])
        return self.pool.workers[0].survey

    def look_around(self, plugins: tuple[str, ...] = ()) -> None:
        """Start a worker on every slot that the request may use."""
        request = self._request
        found = [find(name) for name in request.suites]
        own = [str(one.path) for one in found if one.path not in shipped().values()]
        files = {path: _content(path) for path in (*own, *plugins)}
        names = {str(one.path): one.suite.name for one in found}
        environment = request.server_environment()

        def start(slot: Slot) -> WorkerHandle:
            orders = Orders(request.device, plugins, names, files, environment, slot.cores, slot.index, request.share)
            return WorkerHandle(self._ray, self._worker_class, slot, orders)

        self._pool = WorkerPool(self._ray, start, lambda: slots(self._ray.nodes(), request))
        self._pool.gather()

    def arguments(self) -> Mapping[str, Any]:
        """How cases were placed. The address is omitted: it affects no figure and may be a secret."""
        request, label = self._request, self.pool.workers[0].slot.labels.get(LABEL)
        placing = {"on": list(request.on), "cores": request.cores, "share": request.share, "machine_type": self.pool.machine_type}
        conditions = {"machine_label": label, "share": request.share or None}
        return {"placing": placing, **{name: value for name, value in conditions.items() if value is not None}}

    def identity(self, machine: Mapping[str, Any]) -> Mapping[str, Any]:
        """The facts that all machines of a type have in common."""
        return facts(machine)

    @contextmanager
    def reserved(self, device: str, wait: Callable[[str], None] | None) -> Iterator[None]:  # noqa: ARG002 - each knows its own
        """Lock the device on each machine."""
        self.pool.hold(wait)
        yield

    def load(self, device: str) -> Mapping[str, Any]:  # noqa: ARG002 - each knows its own
        """The load notes of all machines, each prefixed with the machine's name. run.json has each machine's load under its name."""
        notes = dict.fromkeys(f"{one.name}: {note}" for one in self.pool.workers for note in one.load.get("notes", ()))
        return {"notes": list(notes)}

    def open(self, run: Run, device: str, scene: Scene) -> Run:  # noqa: ARG002 - each knows its own
        """The run, after each machine's ceilings were read from the results folder or measured."""
        pool = self.pool
        pool.results, pool.say = scene.results, scene.say
        pool.prepare()
        self._dispatch = Dispatch(self._ray, pool, scene)
        return replace(run, machine=pool.workers[0].machine, workers={**run.workers, **pool.met})

    def records(self, jobs: Iterator[Job]) -> Iterator[Record]:
        """The records as they arrive."""
        assert self._dispatch is not None
        return self._dispatch.records(jobs)

    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """Every machine that took part, by name."""
        return self.pool.met

    def close(self) -> None:
        """End every worker, and the cluster if this run started it."""
        if self._pool is not None:
            self._pool.close()
        self._stack.close()


def machine_types(request: Request) -> list[str]:
    """Every machine type in the cluster that could measure the request."""
    with contextlib.closing(OnRay(request)) as executor:
        executor.look_around(tuple(str(user_path(path).resolve()) for path in request.plugins))
        return executor.machine_types()


def _check(request: Request) -> None:
    """Raise UsageError for options that do not apply to a cluster."""
    if own := [name for name in (*request.suites, *request.plugins) if is_own(name)]:
        raise UsageError(f"{own[0]} is a model of your own, which is measured on this machine: leave out --executor ray")
    if request.pin is not None:
        raise UsageError(f"--pin {request.pin!r} names CPUs of one machine: on a cluster write --cores N")
    if request.device and request.device.startswith("cuda:"):
        raise NoSuchDevice(request.device, ["cuda (Ray chooses which)", "cpu"])
    if not hasattr(os, "sched_getaffinity") and request.cores:
        raise UsageError("--cores confines cases to CPUs, which this system cannot do")


def _content(path: str) -> bytes:
    """The content of a user's file, to send to the workers."""
    try:
        return bounded.content(user_path(DataSource.of(path).path if is_data(path) else path), MOST_FILE_BYTES)
    except OSError as error:
        raise BadPlugin(path, error.strerror or str(error)) from None
