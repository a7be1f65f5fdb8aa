"""The processes of one case, started and watched by torchrun's agent in the case's own process.

Each rank is a fork of that process and runs the suite's function under pytest; rank 0 measures and reports for all. If a rank dies, the
others are ended and the record names it. If a rank hangs, the supervisor's time limit ends them all, and progress marks in shared memory
show which rank the others waited for.
"""

import contextlib
import faulthandler
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import psutil
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from rnnbench.case import Case
from rnnbench.device.devices import Device
from rnnbench.device.memory_limits import oom_kills
from rnnbench.errors import RnnbenchError, Unsupported
from rnnbench.journal import now_utc
from rnnbench.measure.job import Job
from rnnbench.measure.parallel.progress_marks import ProgressMarks, take_place
from rnnbench.measure.parallel.sharing import THREADS_VARIABLE, refuse, threads
from rnnbench.record import Record
from rnnbench.runs.processes.linux import STACK_DUMP, die_with_parent
from rnnbench.runs.processes.loopback import ADDRESS, BACKEND, register
from rnnbench.scratch import scratch

LOOK_S = 0.1  # the agent's polling interval
GRACE_S = 1.0  # a rank waits before it reports its failure: if another's death is the cause, the agent ends it sooner
TURN_S = 0.3  # each rank waits this much longer than the one before, so that of simultaneous failures the first counts
_ENDED_BY = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)

Emit = Callable[[dict[str, Any]], None]
Body = Callable[[Emit], int]
"""What each rank runs. It takes the `emit` for its messages and returns its exit code."""


def wants_ranks(case: Case) -> bool:
    """Whether several processes can share the case here. If not, a single process reports why."""
    try:
        refuse(case, Device(case.device))
    except (Unsupported, RnnbenchError):
        return False
    return True


def launch(job: Job, emit: Emit, body: Body) -> int:
    """Run `body` in the number of processes that the job's one case requires. The case gets a record even if they die."""
    ((case, process),) = job.tasks
    began_utc, kills, marks, agent = now_utc(), oom_kills(), ProgressMarks(case.processes), os.getpid()
    emit({"event": "begin", "id": str(case), "process": process, "started_utc": began_utc})
    _answer_stack_dump(marks)

    def rank() -> int:
        return _rank(agent, marks, case.processes, emit, body)

    register()
    with scratch() as place:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=case.processes,
            run_id=f"case-{agent}",
            rdzv_backend=BACKEND,
            local_addr=ADDRESS,
            max_restarts=0,
            monitor_interval=LOOK_S,
            start_method="fork",
            logs_specs=DefaultLogsSpecs(log_dir=str(place)),
        )
        try:
            elastic_launch(config, rank)()
        except ChildFailedError as error:
            number, failure = min(error.failures.items(), key=lambda one: one[1].timestamp)
            status, reason = _how(failure, f"rank {number} of {case.processes}", kernel=oom_kills() > kills)
            ended = partial(Record, case=case, process=process, started_utc=began_utc, finished_utc=now_utc())
            record = ended(status=status, reason=reason, pid=failure.pid)
            emit({"event": "record", "record": record.as_dict()})  # ignored if a rank has already reported
    return 0


def _rank(agent: int, marks: ProgressMarks, size: int, emit: Emit, body: Body) -> int:
    """Run in one rank: undo settings inherited from the agent, communicate over the loopback only, and run `body`."""
    for number in _ENDED_BY:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(STACK_DUMP, signal.SIG_DFL)
    faulthandler.register(STACK_DUMP, file=2, all_threads=True)
    die_with_parent(signal.SIGKILL, agent)
    os.environ.update({"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo", THREADS_VARIABLE: str(threads())})
    rank = int(os.environ["RANK"])
    take_place(marks, rank)
    emitter = RankEmitter(emit, rank, size)
    code = body(emitter)
    if emitter.failed:
        sys.exit(1)  # the agent then ends the others, even if they are waiting
    if dist.is_initialized():
        dist.destroy_process_group()
    return code


class RankEmitter:
    """Filters a rank's messages. Rank 0 reports what was measured; a failed rank adds its number to the reason."""

    def __init__(self, emit: Emit, rank: int, size: int) -> None:
        self._emit, self._rank, self._size = emit, rank, size
        self.failed = False

    def __call__(self, message: dict[str, Any]) -> None:
        """Send a record if this rank has to report it. The start is not sent: the agent has reported it."""
        if message["event"] != "record":
            return
        record: Mapping[str, Any] = message["record"]
        self.failed = record["status"] != "ok"
        for_all = record["status"] in ("ok", "unsupported", "diverged")
        if self._rank > 0 and record["status"] == "ok":
            return
        if self._rank > 0 or not for_all:
            time.sleep(GRACE_S + TURN_S * self._rank)
        named = record["reason"] if for_all else f"rank {self._rank} of {self._size}: {record['reason']}"
        self._emit({**message, "record": {**record, "reason": named}})


def _answer_stack_dump(marks: ProgressMarks) -> None:
    """On the supervisor's stack-dump signal, write which rank the others wait for, and pass the signal on to all ranks."""
    faulthandler.unregister(STACK_DUMP)
    signal.signal(STACK_DUMP, partial(_dump_stacks, marks))


def _dump_stacks(marks: ProgressMarks, *_: object) -> None:
    ranks = psutil.Process().children()
    stopped = [one.pid for one in ranks if one.status() == psutil.STATUS_STOPPED]
    also = f" ({len(stopped)} of them stopped by a signal)" if stopped else ""
    sys.stderr.write(f"rnnbench hung: {marks.who_is_late()}{also}\n")
    sys.stderr.flush()
    for one in ranks:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.send_signal(STACK_DUMP)


def _how(failure: ProcessFailure, who: str, *, kernel: bool) -> tuple[str, str]:
    """The status and reason for a rank's end. `kernel`: the out-of-memory killer has been active since the case began."""
    if failure.exitcode >= 0:
        return "crashed", f"{who} exited with code {failure.exitcode} before the case had ended"
    name = signal.Signals(-failure.exitcode).name
    if kernel and name == "SIGKILL":
        return "oom", f"{who} was killed by the kernel's out-of-memory killer"
    return "crashed", f"{who} was killed by {name}"
