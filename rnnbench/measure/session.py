"""Who decides what a pytest session measures and receives its records: a supervisor, or the session itself."""

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
    """What the pytest hooks ask: which cases, under which budget, and where a record goes."""

    budget: Budget
    skip_oversize = False
    trial = False  # whether trainings are trials of tuning
    kept: Path | None = None  # for what several cases of the run need
    measured: "Measurement | None" = None
    turns: "Turns | None" = None  # where another process takes turns with this one
    started_utc = ""
    is_renewed = False  # whether another process goes on with the cases that this one leaves

    def tasks(self, suite: Suite) -> list[Trial]:
        """Cases of a suite, each with the index of its process."""
        raise TypeError(f"{type(self).__name__} does not say what to measure of {suite.name}")

    def begin(self, case: Case, process: int) -> None:  # noqa: ARG002 - Told tells its supervisor
        """A case begins."""
        self.started_utc = now_utc()

    def end(self, record: Record) -> None:
        """A case has ended."""
        raise TypeError(f"{type(self).__name__} does not take {record.case}")


class Told(Session):
    """Does what a supervisor's job says, and tells it of every start and record."""

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
        """The job's, where they are this suite's."""
        return [task for task in self._job.tasks if task[0].suite == suite.name]

    def begin(self, case: Case, process: int) -> None:
        super().begin(case, process)
        self._emit({"event": "begin", "id": str(case), "process": process, "started_utc": self.started_utc})

    def end(self, record: Record) -> None:
        self._emit({"event": "record", "record": record.as_dict()})


class Bare(Session):
    """A session by plain pytest: expands the suite itself and writes a run of its own, once the first record is there."""

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

    def ask(self, config: "pytest.Config") -> None:
        """What pytest-benchmark's options say of how to measure. Raises UsageError for those that cannot be had."""
        pytest_options.refuse(config)
        self.budget = pytest_options.budget(config, self._preset)
        self._untimed = pytest_options.untimed(config)

    def records(self, *, skipped: bool) -> bool:
        """Whether a case leaves a record: not where it was skipped before it began, nor where nothing is timed."""
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
        """Before the first case the machine's ceilings are measured, where this results folder does not know them."""
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
        """Say in run.json when the run ended."""
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
    """A session under torchrun whose process is not the first: it takes part in the cases and writes nothing."""

    def begin(self, case: Case, process: int) -> None:
        """The first process measures the machine."""
        Session.begin(self, case, process)

    def end(self, record: Record) -> None:
        """What went wrong here ends this process, and torchrun the others: the first may be waiting for it."""
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
        Device(device).forget()  # what ceilings held is no case's peak
    except (RuntimeError, MemoryError) as error:
        told = {"absent": {"all": str(error).splitlines()[0] or type(error).__name__}}
    return {**machine, CEILINGS: told}
