"""What a pytest session measures and where its records go: as a supervisor's job says, or as the session itself decides."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.device.load import at_start, is_quiet
from rnnbench.device.machine_cache import CEILINGS, ceilings_of, machine_key, put_in_place
from rnnbench.errors import RnnbenchError
from rnnbench.journal import Journal, new_run_id, now_utc
from rnnbench.measure import pytest_options
from rnnbench.measure.commit import commit
from rnnbench.measure.job import Job
from rnnbench.measure.loading import load
from rnnbench.record import Record, Run, Trial
from rnnbench.suite import Suite, choose

if TYPE_CHECKING:
    import pytest

    from rnnbench.measure.interleaving import Turns
    from rnnbench.measure.measuring import Measurement


class Session:
    """The interface for the pytest hooks: the cases, their budget, and where a record goes."""

    budget: Budget
    skip_oversize = False
    trial = False  # whether trainings are trials of tuning
    kept: Path | None = None  # folder for files that several cases of the run share
    measured: "Measurement | None" = None
    turns: "Turns | None" = None  # if another process takes turns with this one
    started_utc = ""
    is_renewed = False  # whether another process continues with the cases that this one leaves

    def tasks(self, suite: Suite) -> list[Trial]:
        """Cases of a suite, each with the index of its process."""
        raise TypeError(f"{type(self).__name__} does not say what to measure of {suite.name}")

    def begin(self, case: Case, process: int) -> None:  # noqa: ARG002 - JobSession reports it
        """A case begins."""
        self.started_utc = now_utc()

    def end(self, record: Record) -> None:
        """A case has ended."""
        raise TypeError(f"{type(self).__name__} does not take {record.case}")


class JobSession(Session):
    """Measures the cases of a supervisor's job and reports every start and record to it."""

    is_renewed = True

    def __init__(self, job: Job, emit: Callable[[dict[str, Any]], None]) -> None:
        self.budget = job.budget
        self.skip_oversize = job.skip_oversize
        self.trial = job.trial
        self.kept = Path(job.kept) if job.kept else None
        if job.turn:
            from rnnbench.measure.interleaving import Turns

            self.turns = Turns.of(job.turn)
        self._job = job
        self._emit = emit

    def tasks(self, suite: Suite) -> list[Trial]:
        """The job's tasks that belong to this suite."""
        return [task for task in self._job.tasks if task[0].suite == suite.name]

    def begin(self, case: Case, process: int) -> None:
        super().begin(case, process)
        self._emit({"event": "begin", "id": str(case), "process": process, "started_utc": self.started_utc})

    def end(self, record: Record) -> None:
        self._emit({"event": "record", "record": record.as_dict()})


class Bare(Session):
    """A session of plain pytest: expands the suite itself and writes its own run once there is a first record."""

    def __init__(
        self,
        *,
        device: str | None,
        preset: str,
        budget: Budget,
        overrides: Mapping[str, tuple[Any, ...]],
        keep: Callable[[Case], bool] | None,
        plugins: tuple[str, ...],
        results: Path,
        argv: tuple[str, ...],
    ) -> None:
        self.budget = budget
        self.folder: Path | None = None
        self._device, self._preset, self._overrides, self._keep = device, preset, overrides, keep
        self._plugins, self._results, self._argv = plugins, results, argv
        self._suites: dict[str, Suite] = {}
        self._planned: list[Case] = []
        self._journal: Journal | None = None
        self._begun: Run | None = None
        self._began_utc = now_utc()
        self._untimed = False
        self._machine: Mapping[str, Any] = {}
        self._load: Mapping[str, Any] = {}
        self.tried = False  # cases ran without being timed

    def apply_options(self, config: "pytest.Config") -> None:
        """Apply pytest-benchmark's options. Raises UsageError for unsupported ones."""
        pytest_options.refuse(config)
        self.budget = pytest_options.budget(config, self._preset)
        self._untimed = pytest_options.untimed(config)

    def records(self, *, skipped: bool) -> bool:
        """Whether a case gets a record: not if it was skipped before it began, or if nothing is timed."""
        self.tried = self.tried or (self._untimed and not skipped)
        return not skipped and not self._untimed

    def tasks(self, suite: Suite) -> list[Trial]:
        from rnnbench.device.devices import Device, best
        from rnnbench.variants import VARIANTS

        for plugin in self._plugins:
            load(plugin)
        self._device = Device(self._device or best()).name
        self._suites[suite.name] = suite
        declared = {name: one.axes for name, one in VARIANTS.all().items()}
        cases, _ = choose([suite], self._device, self._preset, self._overrides, self._keep, declared)
        self._planned += cases
        return [Trial(case, 0) for case in cases]

    def begin(self, case: Case, process: int) -> None:
        """Before the first case, measure the machine's ceilings unless the results folder has them."""
        if not self._machine and not self._untimed:
            self._load = at_start(case.device)
            self._machine = _with_ceilings(case.device, self._results, quiet=is_quiet(self._load))
        super().begin(case, process)

    def end(self, record: Record) -> None:
        record = put_in_place(record, self._machine)
        if self._journal is None:
            self._begun = self._run(record.case.suite)
            self._journal = Journal(self._results / self._begun.id, self._begun)
            self.folder = self._journal.folder
        self._journal.append(record)
        if record.case.processes > 1 and record.status not in ("ok", "unsupported"):
            raise RnnbenchError(
                f"{record.case} ended as {record.status}, and its other processes may wait for ever: start again without it"
            )

    def finish(self, *, interrupted: bool) -> None:
        """Write the end of the run into run.json."""
        if self._journal is not None and self._begun is not None:
            self._journal.write_run(replace(self._begun, finished_utc=now_utc(), interrupted=interrupted))

    def _run(self, first_suite: str) -> Run:
        name = first_suite if len(self._suites) == 1 else "suites"
        arguments = {"command": ["pytest", *self._argv], "preset": self._preset, "device": self._device, "budget": self.budget.as_dict()}
        return Run(
            id=new_run_id(name),
            suites=tuple(suite.about() for suite in self._suites.values()),
            arguments={**arguments, "isolation": "session", "plugins": list(self._plugins), "load_at_start": self._load},
            machine=self._machine,
            commit=commit(Path.cwd()),
            started_utc=self._began_utc,
            planned=tuple({"case": case.as_dict(), "process": 0} for case in self._planned),
        )


class Following(Bare):
    """A session under torchrun in a process other than the first: it takes part in the cases and writes nothing."""

    def begin(self, case: Case, process: int) -> None:
        """Do nothing: the first process measures the ceilings."""
        Session.begin(self, case, process)

    def end(self, record: Record) -> None:
        """Raise for a failed case. That ends this process, and torchrun then ends the others, which may be waiting for it."""
        if record.status not in ("ok", "unsupported"):
            raise RnnbenchError(f"{record.case} ended as {record.status}: {record.reason}")


def _with_ceilings(device: str, results: Path, *, quiet: bool) -> Mapping[str, Any]:
    """This machine's fingerprint with its ceilings, or with the reason why they could not be measured. Only a quiet machine's are kept."""
    from rnnbench.device.ceilings import measure
    from rnnbench.device.devices import Device
    from rnnbench.device.machine import fingerprint

    machine = fingerprint()
    try:
        told = ceilings_of(results, machine_key(machine, device), lambda: measure(device), quiet=quiet).as_dict()
        Device(device).forget()  # memory of the ceilings must not count in a case's peak
    except (RuntimeError, MemoryError) as error:
        told = {"absent": {"all": str(error).splitlines()[0] or type(error).__name__}}
    return {**machine, CEILINGS: told}
