"""The processes of one case, started and watched by torchrun's agent in the case's own process.

Each rank is a fork of that process and runs the suite's function under pytest; rank 0 measures and speaks for all. A rank that dies takes
the others with it and leaves a record that names it. Where one hangs, the supervisor's time limit ends them all, and a board of marks in
shared memory tells which rank the others waited for.
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

LOOK_S = 0.1  # between two looks of the agent
GRACE_S = 1.0  # that a rank waits before it speaks of its failure: where another's death is the cause, the agent ends it sooner
TURN_S = 0.3  # that each rank waits longer than the one before: of failures at once the first counts
_ENDED_BY = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)

Emit = Callable[[dict[str, Any]], None]
Body = Callable[[Emit], int]
"""What each rank runs, told where its words go; returns its exit code."""


def wants_ranks(case: Case) -> bool:
    """Whether the case can be shared here. Where not, one process tells why."""
    try:
        refuse(case, Device(case.device))
    except (Unsupported, RnnbenchError):
        return False
    return True


def launch(job: Job, emit: Emit, body: Body) -> int:
    """Run `body` in as many processes as the job's one case asks for. Whatever becomes of them, the case has a record."""
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
            emit({"event": "record", "record": record.as_dict()})  # not heard where a rank has spoken
    return 0


def _rank(agent: int, marks: ProgressMarks, size: int, emit: Emit, body: Body) -> int:
    """In one rank: cut what it has from the agent, meet over the loopback, run."""
    for number in _ENDED_BY:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(STACK_DUMP, signal.SIG_DFL)
    faulthandler.register(STACK_DUMP, file=2, all_threads=True)
    die_with_parent(signal.SIGKILL, agent)
    os.environ.update({"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo", THREADS_VARIABLE: str(threads())})
    rank = int(os.environ["RANK"])
    take_place(marks, rank)
    speaker = Speaker(emit, rank, size)
    code = body(speaker)
    if speaker.failed:
        sys.exit(1)  # the agent ends the others, wherever they wait
    if dist.is_initialized():
        dist.destroy_process_group()
    return code


class Speaker:
    """What a rank says of its case. Rank 0 speaks for all of what was measured; of a failure each says who it is."""

    def __init__(self, emit: Emit, rank: int, size: int) -> None:
        self._emit, self._rank, self._size = emit, rank, size
        self.failed = False

    def __call__(self, message: dict[str, Any]) -> None:
        """Pass a record on, as far as it is this rank's to tell; the agent has told of the start."""
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
    """Have this process answer the supervisor's question with who keeps the others waiting, and pass it on to all ranks."""
    faulthandler.unregister(STACK_DUMP)
    signal.signal(STACK_DUMP, partial(_dump_stacks, marks))


def _dump_stacks(marks: ProgressMarks, *_: object) -> None:
    ranks = psutil.Process().children()
    stopped = [one.pid for one in ranks if one.status() == psutil.STATUS_STOPPED]
    also = f" ({len(stopped)} of them stopped by a signal)" if stopped else ""
    sys.stderr.write(f"rnnbench hung: {marks.told()}{also}\n")
    sys.stderr.flush()
    for one in ranks:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.send_signal(STACK_DUMP)


def _how(failure: ProcessFailure, who: str, *, kernel: bool) -> tuple[str, str]:
    """A rank's end, as a status and in words. `kernel`: it has killed for memory since the case began."""
    if failure.exitcode >= 0:
        return "crashed", f"{who} exited with code {failure.exitcode} before the case had ended"
    name = signal.Signals(-failure.exitcode).name
    if kernel and name == "SIGKILL":
        return "oom", f"{who} was killed by the kernel's out-of-memory killer"
    return "crashed", f"{who} was killed by {name}"
