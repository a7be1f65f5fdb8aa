"""The head's side of one worker: its current step, calls to it, and their results."""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any

from rnnbench.measure.job import Job
from rnnbench.runs.cluster.slots import Slot
from rnnbench.runs.cluster.worker import Orders, Result


class Step(IntEnum):
    """The steps of a worker, in order. A worker pauses before the pool's goal."""

    SURVEY = 0
    HOLD = 1
    CEILINGS = 2
    READY = 3


class WorkerHandle:
    """One worker, from start to end. `step` is its current step or, if `ref` is None, its next one."""

    def __init__(self, ray: Any, worker_class: type, slot: Slot, orders: Orders) -> None:
        self._ray = ray
        strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(slot.node, soft=False)
        placed = {"num_cpus": slot.cpus, "num_gpus": slot.gpus, "scheduling_strategy": strategy}
        # two threads: one measures, the other can receive `close`
        self._actor = ray.remote(worker_class).options(**placed, max_restarts=0, max_task_retries=0, max_concurrency=2).remote(orders)
        self.slot = slot
        self.step = Step.SURVEY
        self.ref: Any = None
        self.machine: Mapping[str, Any] = {}
        self.survey: Mapping[str, Any] = {}
        self.load: Mapping[str, Any] = {}
        self.machine_type = ""
        self.job: Job | None = None
        self.name = f"{slot.host}-{slot.node[:6]}"

    def call(self, method: str, *words: Any) -> None:
        """Call a method of the worker; `ref` is the pending answer."""
        self.ref = getattr(self._actor, method).remote(*words)

    def measure(self, job: Job, limits: Mapping[str, float]) -> None:
        """Start a job; `ref` is the stream of its results."""
        self.job = job
        self.ref = self._actor.measure.options(num_returns="streaming").remote(job.as_dict(), dict(limits))

    def answer(self) -> Any:
        """The answer to the last call. Raises RayError if the worker is lost."""
        ref, self.ref = self.ref, None
        return self._ray.get(ref)

    def results(self) -> Iterator[Result]:
        """The next result, or none at the end of the job. Raises RayError if the worker is lost."""
        try:
            ref = next(self.ref)
        except StopIteration:
            self.ref = self.job = None
            return
        yield self._ray.get(ref)

    def close(self) -> Any:
        """Tell the worker to end; returns a reference that is ready when it has."""
        return self._actor.close.remote()

    def kill(self) -> None:
        """Kill the worker's process and, with it, its children."""
        self.ref = None
        self._ray.kill(self._actor, no_restart=True)
