"""The head's side of one worker: its current step, and its messages."""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any

from rnnbench.measure.job import Job
from rnnbench.runs.cluster.slots import Slot
from rnnbench.runs.cluster.worker import Orders, Told


class Step(IntEnum):
    """In this order. A hand rests before the step that it is told to reach."""

    SURVEY = 0
    HOLD = 1
    CEILINGS = 2
    READY = 3


class WorkerHandle:
    """One station, from its start to its end. `step` is what it does or, where `ref` is none, what it will do next."""

    def __init__(self, ray: Any, worker_class: type, slot: Slot, orders: Orders) -> None:
        self._ray = ray
        strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(slot.node, soft=False)
        placed = {"num_cpus": slot.cpus, "num_gpus": slot.gpus, "scheduling_strategy": strategy}
        # two threads: one measures, the other hears that it is to close
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

    def ask(self, method: str, *words: Any) -> None:
        """One question; `ref` stands for its answer."""
        self.ref = getattr(self._actor, method).remote(*words)

    def measure(self, job: Job, limits: Mapping[str, float]) -> None:
        """A job; `ref` stands for its records as they come."""
        self.job = job
        self.ref = self._actor.measure.options(num_returns="streaming").remote(job.as_dict(), dict(limits))

    def answer(self) -> Any:
        """What it answered. Raises RayError where it is lost."""
        ref, self.ref = self.ref, None
        return self._ray.get(ref)

    def told(self) -> Iterator[Told]:
        """The next record, if the job is not at its end. Raises RayError where the station is lost."""
        try:
            ref = next(self.ref)
        except StopIteration:
            self.ref = self.job = None
            return
        yield self._ray.get(ref)

    def closed(self) -> Any:
        """Ask it to end; the answer comes when it has."""
        return self._actor.close.remote()

    def kill(self) -> None:
        """End its process; what came from that ends with it."""
        self.ref = None
        self._ray.kill(self._actor, no_restart=True)
