"""Sends jobs to workers and yields records as they arrive. A lost machine's cases are retried once elsewhere, then recorded as lost."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnbench.errors import CannotWrite
from rnnbench.journal import now_utc
from rnnbench.measure.job import Job
from rnnbench.record import Record
from rnnbench.runs.cluster.worker_handle import WorkerHandle
from rnnbench.runs.cluster.worker_pool import WorkerPool, why_lost
from rnnbench.runs.executor import Scene

TRIES = 2


class Dispatch:
    """Distributes jobs. At most one job per worker is in flight, so that memory does not grow with the number of cases."""

    def __init__(self, ray: Any, pool: WorkerPool, scene: Scene) -> None:
        self._ray = ray
        self._pool = pool
        self._scene = scene
        self._again: deque[tuple[Job, str]] = deque()
        self._losses: Counter[tuple[str, int]] = Counter()

    def records(self, jobs: Iterator[Job]) -> Iterator[Record]:
        """The record of each task, in the order in which they end."""
        while True:
            more = self._hand_out(jobs)
            if not more and not self._again and not self._pool.busy:
                return
            for worker in self._pool.ready():
                yield from self._received(worker)

    def _hand_out(self, jobs: Iterator[Job]) -> bool:
        """Send a job to each idle worker. Returns whether more jobs may follow."""
        for worker in self._pool.idle:
            job = self._tried_elsewhere(worker) or next(jobs, None)
            if job is None:
                return bool(self._again)
            worker.measure(job, {str(case): self._scene.limit(case) for case, _ in job.tasks})
            self._scene.begin(*job.tasks[0])
        return True

    def _tried_elsewhere(self, worker: WorkerHandle) -> Job | None:
        """A job that another machine lost, or if there is no other machine, one that this machine lost."""
        others = any(one.slot.node != worker.slot.node for one in self._pool.workers)
        for number, (job, node) in enumerate(self._again):
            if node != worker.slot.node or not others:
                del self._again[number]
                return job
        return None

    def _received(self, worker: WorkerHandle) -> Iterator[Record]:
        """The worker's next record, if any; or what follows from its loss."""
        job = worker.job
        assert job is not None
        try:
            results = list(worker.results())
        except self._ray.exceptions.RayError as error:
            yield from self._lost(worker, job, why_lost(error))
            return
        for data, output in results:
            record = replace(Record.from_dict(data), worker=worker.name)
            self._keep_log(record.log, output)
            self._pool.reset_losses(worker)
            left = tuple(task for task in job.tasks if task.key != record.key)
            worker.job = replace(job, tasks=left)
            yield record

    def _lost(self, worker: WorkerHandle, job: Job, why: str) -> Iterator[Record]:
        """Retry the worker's current case once, and with it the remaining cases of its job."""
        self._pool.lose(worker)
        tasks = job.tasks
        if not tasks:
            return
        case, process = tasks[0]
        key = tasks[0].key
        self._losses[key] += 1
        if self._losses[key] < TRIES:
            self._scene.say(f"{worker.name} was lost ({why}): retrying {case}")
        else:
            tasks = tasks[1:]
            reason = f"{worker.name} was lost ({why}), as was the machine that tried it first"
            yield Record(case=case, process=process, status="lost", reason=reason, worker=worker.name, finished_utc=now_utc())
        if tasks:
            self._again.append((replace(job, tasks=tasks), worker.slot.node))

    def _keep_log(self, name: str, output: bytes) -> None:
        """Write a case's output from its machine into the run's folder."""
        if not name or Path(name).name != name:
            return
        path = self._scene.log_path(name.removesuffix(".log"))
        try:
            path.write_bytes(output)
        except OSError as error:
            raise CannotWrite(path, error.strerror or error) from None
