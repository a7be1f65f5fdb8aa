"""All workers of a run: started, surveyed, held to one machine type, ceilings measured once each, replaced when lost."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnbench import __version__
from rnnbench.device.load import is_quiet
from rnnbench.device.machine_cache import CEILINGS, ceilings_known, keep, machine_key
from rnnbench.errors import NoWorkers, RnnbenchError, UsageError
from rnnbench.roofline import Ceilings
from rnnbench.runs.cluster.slots import Slot, machine_type
from rnnbench.runs.cluster.worker_handle import Step, WorkerHandle
from rnnbench.runs.lock import Busy

START_LIMIT_S = 180.0  # for a worker to answer: it imports Ray and torch, perhaps on a busy machine
LOOK_S = 1.0
RENEW_S = 2.0
MOST_LOSSES = 3  # consecutive losses after which a slot is given up
GONE_S = 60.0  # time without any worker after which the run ends: a cluster may be starting another machine


class WorkerPool:
    """All workers. `start` starts a worker in a slot; `look` returns the current slots."""

    def __init__(self, ray: Any, start: Callable[[Slot], WorkerHandle], look: Callable[[], Sequence[Slot]]) -> None:
        self._ray = ray
        self._start = start
        self._look = look
        self._goal = Step.HOLD
        self._losses: Counter[tuple[str, int]] = Counter()
        self._renewed_s = 0.0
        self._last_s = float("inf")
        self._wait: Callable[[str], None] | None = None
        self._measuring: set[str] = set()
        self._known: dict[str, Mapping[str, Any]] = {}
        self.workers: list[WorkerHandle] = []
        self.met: dict[str, dict[str, Any]] = {}
        self.machine_type = ""
        self.results = Path()
        self.say: Callable[[str], None] = lambda _: None

    def gather(self) -> list[WorkerHandle]:
        """Start a worker in every slot and survey its machine. Workers that do not answer in time are left out. Raises NoWorkers."""
        self.workers = [self._start(slot) for slot in self._look()]
        for worker in self.workers:
            worker.call("survey")
        refused = self._reach(Step.HOLD)
        if not self.workers:
            raise NoWorkers(f"no machine of the cluster could start: {'; '.join(refused) or f'none answered within {START_LIMIT_S:g} s'}")
        return self.workers

    def keep(self, chosen: str) -> None:
        """Drop every worker on another type of machine."""
        self.machine_type = chosen
        for worker in [one for one in self.workers if one.machine_type != chosen]:
            self._drop(worker)

    def hold(self, wait: Callable[[str], None] | None) -> None:
        """Lock the device on each machine. Raises Busy if all are in use and `wait` is None."""
        self._wait = wait
        if refused := self._reach(Step.CEILINGS):
            if not self.workers:
                raise Busy("every machine of the cluster", "other runs")
            for why in refused:
                self.say(why)

    def prepare(self) -> None:
        """Read or measure each machine's ceilings."""
        self._reach(Step.READY)
        self._last_s = time.monotonic()
        self._wait = lambda _: None  # a worker that joins later waits for its lock

    @property
    def idle(self) -> list[WorkerHandle]:
        """Workers that can take a job."""
        return [one for one in self.workers if one.step is Step.READY and one.job is None]

    @property
    def busy(self) -> list[WorkerHandle]:
        """Workers that have a job."""
        return [one for one in self.workers if one.job is not None]

    def ready(self) -> list[WorkerHandle]:
        """Measuring workers that have a result. Waits up to LOOK_S, advances workers that are starting, and replaces lost ones."""
        waiting = [one for one in self.workers if one.ref is not None]
        if waiting:
            found, _ = self._ray.wait([one.ref for one in waiting], timeout=LOOK_S)
        else:
            time.sleep(LOOK_S / 10)
            found = []
        answered = [one for one in waiting if any(one.ref is ref for ref in found)]
        for worker in answered:
            if worker.job is None:
                self._advance(worker)
        self._renew()
        return [one for one in answered if one.job is not None]

    def lose(self, worker: WorkerHandle) -> None:
        """Remove a lost worker. Another replaces it if the machine still exists."""
        self._losses[worker.slot.node, worker.slot.index] += 1
        self._drop(worker)
        self._renewed_s = 0.0

    def reset_losses(self, worker: WorkerHandle) -> None:
        """Forget the losses of the worker's slot, because it has produced a record."""
        self._losses.pop((worker.slot.node, worker.slot.index), None)

    def close(self) -> None:
        """Tell every worker to end, wait for those that answer, and kill the rest."""
        closing = [worker.close() for worker in self.workers]
        if closing:
            self._ray.wait(closing, num_returns=len(closing), timeout=10)
        for worker in list(self.workers):
            self._drop(worker)

    def _reach(self, goal: Step) -> list[str]:
        """Advance every worker up to `goal`. Returns the reasons for workers that were dropped."""
        self._goal = goal
        refused: list[str] = []
        deadline = time.monotonic() + START_LIMIT_S
        for worker in list(self.workers):
            self._call_next(worker)
        while late := [one for one in self.workers if one.step < goal]:
            if self._wait is None and time.monotonic() > deadline:
                for worker in late:
                    refused.append(f"{worker.name} did not answer within {START_LIMIT_S:g} s")
                    self._drop(worker)
            waiting = [one for one in late if one.ref is not None]
            found, _ = self._ray.wait([one.ref for one in waiting], timeout=LOOK_S) if waiting else ([], [])
            answered = [one for one in waiting if any(one.ref is ref for ref in found)]
            refused += filter(None, map(self._advance, answered))
        return refused

    def _advance(self, worker: WorkerHandle) -> str:
        """Take the answer of a worker that is not measuring, and start its next step. Returns the reason if the worker was dropped."""
        try:
            answer = worker.answer()
        except self._ray.exceptions.RayError as error:
            self.lose(worker)
            return f"{worker.name}: {why_lost(error)}"
        why = _STEPS[worker.step](self, worker, answer)
        if why:
            self._drop(worker)
        else:
            self._call_next(worker)
        return why

    def _surveyed(self, worker: WorkerHandle, answer: Mapping[str, Any]) -> str:
        if "refused" in answer:
            if answer["exit_code"] == UsageError.exit_code:
                raise UsageError(f"{answer['hostname']}: {answer['refused']}")
            return f"{answer['hostname']}: {answer['refused']}"
        theirs = answer["machine"]["packages"].get("rnnbench")
        if theirs != __version__:
            return f"{answer['hostname']} has rnnbench {theirs}, this machine {__version__}: install one version on all"
        gpu = "-gpu" + "-".join(answer.get("gpu_ids", ())) if worker.slot.gpus and answer.get("gpu_ids") else ""
        worker.name = f"{answer['hostname']}-{worker.slot.node[:6]}{gpu}"
        worker.survey, worker.machine = answer, answer["machine"]
        worker.machine_type = machine_type(worker.machine, worker.slot.labels)
        worker.step = Step.HOLD
        if self.machine_type and worker.machine_type != self.machine_type:
            return f"{worker.name} is of another type ({worker.machine_type})"
        return ""

    def _held(self, worker: WorkerHandle, answer: Mapping[str, Any]) -> str:
        if "busy" in answer:
            if self._wait is None:
                return f"{worker.name}: {answer['busy']}"
            self._wait(f"{worker.name}: {answer['busy']}; waiting")
            worker.call("hold", True)
            return ""
        worker.load, worker.step = answer["load"], Step.CEILINGS
        return ""

    def _has_ceilings(self, worker: WorkerHandle, answer: Mapping[str, Any]) -> str:
        key = self._key(worker)
        self._measuring.discard(key)
        self._known[key] = answer
        if "device" in answer and is_quiet(worker.load):
            keep(self.results, key, Ceilings.from_dict(answer))
        for one in self.workers:
            if one.step is Step.CEILINGS and one.ref is None:
                self._call_next(one)
        return ""

    def _call_next(self, worker: WorkerHandle) -> None:
        """Start the next step of a worker without a pending call, unless it has reached the pool's goal."""
        if worker.ref is not None or worker.step >= self._goal:
            return
        if worker.step is Step.HOLD:
            worker.call("hold", False)
        elif worker.step is Step.CEILINGS:
            key = self._key(worker)
            if key not in self._known and (found := ceilings_known(self.results, key)):
                self._known[key] = found.as_dict()
            if key in self._known:
                worker.machine = {**worker.machine, CEILINGS: dict(self._known[key])}
                worker.step = Step.READY
                description = {"machine": worker.machine, "labels": dict(worker.slot.labels), "load_at_start": dict(worker.load)}
                self.met.setdefault(worker.name, description)
            elif key not in self._measuring:
                self._measuring.add(key)
                worker.call("ceilings")

    def _key(self, worker: WorkerHandle) -> str:
        return machine_key(worker.machine, worker.survey["device"])

    def _drop(self, worker: WorkerHandle) -> None:
        if worker.step is Step.CEILINGS and worker.ref is not None:
            self._measuring.discard(self._key(worker))
        worker.job = None
        worker.kill()
        self.workers.remove(worker)

    def _renew(self) -> None:
        """Every few seconds, start a worker in each slot that has none. Raises NoWorkers if there has been no worker for GONE_S."""
        now_s = time.monotonic()
        if now_s - self._renewed_s < RENEW_S:
            return
        self._renewed_s = now_s
        taken = {(one.slot.node, one.slot.index) for one in self.workers}
        try:
            places = [(slot.node, slot.index, slot) for slot in self._look()]
        except NoWorkers:
            places = []
        for node, index, slot in places:
            if (node, index) not in taken and self._losses[node, index] < MOST_LOSSES:
                worker = self._start(slot)
                worker.call("survey")
                self.workers.append(worker)
        if self.workers:
            self._last_s = now_s
        elif now_s - self._last_s > GONE_S:
            raise NoWorkers(f"no machine of type {self.machine_type!r} is left, and none joined within {GONE_S:g} s")


_STEPS: Mapping[Step, Callable[[WorkerPool, WorkerHandle, Any], str]] = {
    Step.SURVEY: WorkerPool._surveyed,  # noqa: SLF001
    Step.HOLD: WorkerPool._held,  # noqa: SLF001
    Step.CEILINGS: WorkerPool._has_ceilings,  # noqa: SLF001
}


def why_lost(error: Exception) -> str:
    """The reason in Ray's long error message, in at most 200 characters."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, RnnbenchError):
        return str(cause)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = next(
        (line for line in lines if line.startswith(("The actor is dead because", "The actor died because"))), lines[0] if lines else ""
    )
    return reason.partition(". ")[0].rstrip(".:")[:200]
