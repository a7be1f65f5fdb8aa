"""An A/A trial: the same case in pairs of fresh processes, to learn the smallest change this machine can detect."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.errors import RnnbenchError
from rnnbench.measure.job import Job
from rnnbench.record import Trial
from rnnbench.runs.catalog import shipped
from rnnbench.runs.processes.client import START_LIMIT_S, ForkServer

SUITE = "depth"
SIZES: Mapping[str, Any] = {"variant": "lstm", "phase": "train", "depth": 2, "hidden_size": 64, "input_size": 64, "batch_size": 8}
BUDGET = Budget(max_time_s=0.25, precision=0.001)
Pair = tuple[float, float]


def trial(server: ForkServer, device: str, seconds: float, log: Path) -> list[Pair]:
    """Median step times in seconds of pairs of processes, as many pairs as fit into `seconds`."""
    case = Case(suite=SUITE, device=device, seq_len=32, **SIZES)
    job = Job(suite_path=str(shipped()[SUITE]), tasks=(Trial(case, 0),), budget=BUDGET).as_dict()
    end_s, pairs = time.monotonic() + seconds, []
    while time.monotonic() < end_s:
        pairs.append((_step_s(server, job, log), _step_s(server, job, log)))
    return pairs


def _step_s(server: ForkServer, job: Mapping[str, Any], log: Path) -> float:
    token, found, why = server.fork("job", job, log), None, "its process wrote no record"
    while (event := server.next_event(START_LIMIT_S)) is not None:
        if event.get("token") != token:
            continue
        if event["event"] == "record":
            found, why = event["record"]["metrics"].get("step_time_s"), event["record"]["reason"]
        if event["event"] == "exit":
            break
    if found is None:
        raise RnnbenchError(f"the A/A trial cannot be measured: {why}")
    return float(found)
