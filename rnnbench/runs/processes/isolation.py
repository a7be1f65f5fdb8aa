"""The cost of a fresh process: a fork that runs a tiny case under pytest, alternately with `python -c "import torch"`."""

import subprocess
import sys
from contextlib import ExitStack

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import Format
from rnnbench.measure.job import Job
from rnnbench.measure.train_step import TrainStep
from rnnbench.record import Trial
from rnnbench.runs.catalog import shipped
from rnnbench.runs.processes.client import START_LIMIT_S, ForkServer
from rnnbench.scratch import scratch


class Isolation:
    """`step()` is one supervised process from request to exit; its case takes a millisecond. `beside()` spawns Python with torch."""

    train: TrainStep | None = None
    tokens: float | None = None
    sequences: float | None = None
    turns = 1

    def __init__(self, case: Case, device: Device, form: Format, clock: Clock) -> None:  # noqa: ARG002 - the signature of every workload
        self.case = case
        self.device = device
        self.notes: list[str] = []
        self.beside = self._spawn
        self.beside_name = 'python -c "import torch"'
        tiny = Case(suite="harness", depth=1, hidden_size=8, input_size=8, batch_size=1, seq_len=1, phase="forward", device=case.device)
        budget = Budget(max_time_s=0.001, precision=0.5, min_rounds=1)
        self._job = Job(suite_path=str(shipped()["harness"]), tasks=(Trial(tiny, 0),), budget=budget).as_dict()
        self._kept = ExitStack()
        self._place = self._kept.enter_context(scratch())
        self._server = ForkServer(self._place / "server.log")

    def step(self) -> None:
        """Fork a process that runs one tiny case in a pytest session, and wait for its exit."""
        token = self._server.fork("job", self._job, self._place / "case.log")
        recorded = False
        while (event := self._server.next_event(START_LIMIT_S)) is not None:
            recorded |= event["event"] == "record" and event["record"]["status"] == "ok"
            if event["event"] == "exit" and event["token"] == token:
                break
        if not recorded:
            raise RuntimeError(f"the forked process wrote no record: {(self._place / 'case.log').read_text()[-300:]}")

    def rewind(self) -> None:
        """Nothing to rewind: every step is the same."""

    def check(self) -> None:
        """Nothing to check: `step` raises if its case gave no record."""

    def check_finite(self) -> None:
        """Nothing to check: a step has no numeric result."""

    def weigh(self, metrics: dict[str, float], absent: dict[str, str]) -> None:  # noqa: ARG002 - there is no model in this process
        """State that the model's figures are absent: it is in another process."""
        absent["parameters"] = "the model is in another process"

    def forms(self) -> list[str]:
        """Empty: there are no layers in this process."""
        return []

    def close(self) -> None:
        """End the fork server."""
        self._server.close()
        self._kept.close()

    def _spawn(self) -> None:
        subprocess.run((sys.executable, "-c", "import torch"), check=True)
