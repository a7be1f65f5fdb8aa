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

START_LIMIT_S = 180.0  # for a station to answer: Python, Ray and torch are imported, on a machine that may be busy
LOOK_S = 1.0
RENEW_S = 2.0
MOST_LOSSES = 3  # of one place in a row, before it is given up
GONE_S = 60.0  # without any place: a cluster may be bringing another machine


class WorkerPool:
    """`start` makes a hand for a slot; `look` tells the slots that there are now."""

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
        """Start a station on every place and hear what each is. Those that do not answer in time are left out."""
        self.workers = [self._start(slot) for slot in self._look()]
        for worker in self.workers:
            worker.ask("survey")
        refused = self._reach(Step.HOLD)
        if not self.workers:
            raise NoWorkers(f"no machine of the cluster could start: {'; '.join(refused) or f'none answered within {START_LIMIT_S:g} s'}")
        return self.workers

    def keep(self, chosen: str) -> None:
        """Let go of every station that is on another type of machine."""
        self.machine_type = chosen
        for worker in [one for one in self.workers if one.machine_type != chosen]:
            self._drop(worker)

    def hold(self, wait: Callable[[str], None] | None) -> None:
        """Take each machine's lock of the device. Raises Busy where every one is in use and `wait` is none."""
        self._wait = wait
        if refused := self._reach(Step.CEILINGS):
            if not self.workers:
                raise Busy("every machine of the cluster", "other runs")
            for why in refused:
                self.say(why)

    def prepare(self) -> None:
        """Know each machine's ceilings."""
        self._reach(Step.READY)
        self._last_s = time.monotonic()
        self._wait = lambda _: None  # one that comes later takes its turn

    @property
    def idle(self) -> list[WorkerHandle]:
        """Those that can take a job."""
        return [one for one in self.workers if one.step is Step.READY and one.job is None]

    @property
    def busy(self) -> list[WorkerHandle]:
        """Those that have one."""
        return [one for one in self.workers if one.job is not None]

    def ready(self) -> list[WorkerHandle]:
        """Measuring hands of which something can be heard. Waits a little; brings others on; renews what was lost."""
        waiting = [one for one in self.workers if one.ref is not None]
        if waiting:
            found, _ = self._ray.wait([one.ref for one in waiting], timeout=LOOK_S)
        else:
            time.sleep(LOOK_S / 10)
            found = []
        heard = [one for one in waiting if any(one.ref is ref for ref in found)]
        for worker in heard:
            if worker.job is None:
                self._advance(worker)
        self._renew()
        return [one for one in heard if one.job is not None]

    def lose(self, worker: WorkerHandle) -> None:
        """A station is lost. Another takes its place where the machine is still there."""
        self._losses[worker.slot.node, worker.slot.index] += 1
        self._drop(worker)
        self._renewed_s = 0.0

    def praise(self, worker: WorkerHandle) -> None:
        """A record has come from it: the place is sound."""
        self._losses.pop((worker.slot.node, worker.slot.index), None)

    def close(self) -> None:
        """End every station, those that answer by themselves, and wait for it."""
        asked = [worker.closed() for worker in self.workers]
        if asked:
            self._ray.wait(asked, num_returns=len(asked), timeout=10)
        for worker in list(self.workers):
            self._drop(worker)

    def _reach(self, goal: Step) -> list[str]:
        """Bring every hand to rest before `goal`. Returns why some were let go."""
        self._goal = goal
        refused: list[str] = []
        deadline = time.monotonic() + START_LIMIT_S
        for worker in list(self.workers):
            self._go_on(worker)
        while late := [one for one in self.workers if one.step < goal]:
            if self._wait is None and time.monotonic() > deadline:
                for worker in late:
                    refused.append(f"{worker.name} did not answer within {START_LIMIT_S:g} s")
                    self._drop(worker)
            asked = [one for one in late if one.ref is not None]
            found, _ = self._ray.wait([one.ref for one in asked], timeout=LOOK_S) if asked else ([], [])
            heard = [one for one in asked if any(one.ref is ref for ref in found)]
            refused += filter(None, map(self._advance, heard))
        return refused

    def _advance(self, worker: WorkerHandle) -> str:
        """Take the answer of a hand that is not measuring, and let it go on. Returns why it was let go, if it was."""
        try:
            answer = worker.answer()
        except self._ray.exceptions.RayError as error:
            self.lose(worker)
            return f"{worker.name}: {why_lost(error)}"
        why = _STEPS[worker.step](self, worker, answer)
        if why:
            self._drop(worker)
        else:
            self._go_on(worker)
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
            worker.ask("hold", True)
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
                self._go_on(one)
        return ""

    def _go_on(self, worker: WorkerHandle) -> None:
        """The next question of a hand that rests, if the crew has come that far."""
        if worker.ref is not None or worker.step >= self._goal:
            return
        if worker.step is Step.HOLD:
            worker.ask("hold", False)
        elif worker.step is Step.CEILINGS:
            key = self._key(worker)
            if key not in self._known and (found := ceilings_known(self.results, key)):
                self._known[key] = found.as_dict()
            if key in self._known:
                worker.machine = {**worker.machine, CEILINGS: dict(self._known[key])}
                worker.step = Step.READY
                told = {"machine": worker.machine, "labels": dict(worker.slot.labels), "load_at_start": dict(worker.load)}
                self.met.setdefault(worker.name, told)
            elif key not in self._measuring:
                self._measuring.add(key)
                worker.ask("ceilings")

    def _key(self, worker: WorkerHandle) -> str:
        return machine_key(worker.machine, worker.survey["device"])

    def _drop(self, worker: WorkerHandle) -> None:
        if worker.step is Step.CEILINGS and worker.ref is not None:
            self._measuring.discard(self._key(worker))
        worker.job = None
        worker.kill()
        self.workers.remove(worker)

    def _renew(self) -> None:
        """A station for each place that has none, every few seconds. Raises NoWorkers where there has been none for long."""
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
                worker.ask("survey")
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
    """Ray's many lines in a few words."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, RnnbenchError):
        return str(cause)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next(
        (line for line in lines if line.startswith(("The actor is dead because", "The actor died because"))), lines[0] if lines else ""
    )
    return told.partition(". ")[0].rstrip(".:")[:200]
