"""The pytest plugin: the only file with pytest hooks. `pytest -p rnnbench.measure.plugin suites/bench_depth.py` needs nothing else.

A suite file contains `SUITE` and one function with the fixtures `measure` and `case`. Each case becomes a test, pytest-benchmark does
the timing, and each test writes one record, whatever its outcome.
"""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rnnbench.budget import BUDGETS, Budget
from rnnbench.case import FIXED_LENGTHS, Case
from rnnbench.choose import parse_set, selector
from rnnbench.errors import RnnbenchError, Unsupported
from rnnbench.measure import pytest_options
from rnnbench.measure.job import Job
from rnnbench.measure.outcome import record_of
from rnnbench.measure.pytest_benchmark import Benchmark, Untimed
from rnnbench.measure.session import Bare, Following, JobSession, Session
from rnnbench.own_data import learned
from rnnbench.own_lengths import named
from rnnbench.record import Record, Trial
from rnnbench.registry import user_path
from rnnbench.suite import Suite

SESSION = pytest.StashKey[Session]()
STARTED = pytest.StashKey[str]()
_OPTIONS = (
    ("device", None, "where to measure: cpu, cuda, cuda:1 (default: CUDA if available, else the CPU)"),
    ("preset", "standard", f"size and care: {', '.join(BUDGETS)} (default: standard)"),
    ("select", "", "keep the cases that an expression holds for"),
    ("results", "results", "folder for the run's records (default: results)"),
)


class JobPlugin:
    """Passes a supervisor's job to the hooks below; `emit` receives every start and record."""

    def __init__(self, job: Job, emit: Callable[[dict[str, Any]], None]) -> None:
        self.session = JobSession(job, emit)

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Set the session before the hooks below look for one."""
        config.stash[SESSION] = self.session


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of a run without the command line `rnnbench`."""
    group = parser.getgroup("rnnbench")
    for name, default, text in _OPTIONS:
        group.addoption(f"--rnnbench-{name}", default=default, help=text)
    group.addoption("--rnnbench-set", action="append", default=[], metavar="AXIS=V,V", help="override an axis; may be given again")
    group.addoption("--rnnbench-plugin", action="append", default=[], metavar="FILE", help="a file with variants; may be given again")
    group.addoption("--rnnbench-data", metavar="FILE", help="data of your own to learn: .tsv, .csv (FILE::target=COLUMN) or .txt")


def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Keep pytest's arguments, including those from PYTEST_ADDOPTS and settings."""
    early_config.stash[pytest_options.WORDS] = tuple(map(str, args))


def pytest_configure(config: pytest.Config) -> None:
    """Collect functions bench_* in files bench_*.py."""
    from rnnbench.device import torch_state  # imports torch, which a process that only lists does not need

    torch_state.base()  # before a suite's file or a plugin can change it
    config.addinivalue_line("python_files", "bench_*.py")
    config.addinivalue_line("python_functions", "bench_*")
    if SESSION not in config.stash:
        names = ("device", "preset", "select", "results", "set", "plugin", "data")
        option = {name: config.getoption(f"rnnbench_{name}") for name in names}
        try:
            if option["data"] is not None:
                option["set"], option["plugin"] = learned(user_path(option["data"]), option["set"], option["plugin"])
            option["set"], option["plugin"] = named(option["set"], option["plugin"])
            first = os.environ.get("RANK", "0") == "0" or "TORCHELASTIC_RUN_ID" not in os.environ
            config.stash[SESSION] = (Bare if first else Following)(
                device=option["device"],
                preset=option["preset"],
                budget=Budget.of(option["preset"]),
                overrides=parse_set(option["set"]),
                keep=selector(option["select"]),
                plugins=tuple(option["plugin"]),
                results=Path(option["results"]),
                argv=tuple(map(str, config.invocation_params.args)),
            )
        except RnnbenchError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test for each case of the module's SUITE."""
    suite = getattr(metafunc.module, "SUITE", None)
    if "case" not in metafunc.fixturenames or not isinstance(suite, Suite):
        return
    session = metafunc.config.stash[SESSION]
    try:
        if isinstance(session, Bare):
            session.apply_options(metafunc.config)
        tasks = session.tasks(suite)
    except RnnbenchError as error:
        raise pytest.UsageError(str(error)) from None
    params = [pytest.param(one, id=_test_id(*one), marks=_marks(one.case, session.budget)) for one in tasks]
    metafunc.parametrize("task", params)
    metafunc.fixturenames.append("task")


def _test_id(case: Case, process: int) -> str:
    return str(case).partition("/")[2] + (f"-process{process}" if process else "")


def _marks(case: Case, budget: Budget) -> pytest.MarkDecorator:
    """The budget as pytest-benchmark's marker. Its warm-up is off: rnnbench warms up before memory peaks are reset."""
    return pytest.mark.benchmark(
        group=case.suite,
        max_time=budget.max_time_s,
        min_rounds=budget.min_rounds,
        precision=budget.precision,
        confidence=budget.confidence,
        warmup=False,
        disable_gc=True,
    )


@pytest.fixture
def task(request: pytest.FixtureRequest) -> Any:
    """The case and the index of its process."""
    return request.param


@pytest.fixture
def case(task: Trial) -> Case:
    """The case of this test."""
    return task[0]


@pytest.fixture
def measure(request: pytest.FixtureRequest, benchmark: Any) -> Callable[..., None]:
    """`measure(case)` measures a case and writes its record. `beside=` gives a reference step to alternate with, `make=` another
    workload, and `name_kernels=True` records the kernels of an extra step. A case of the phase `converge` is trained, with `teacher=` and
    `whole=` as for `converge`. A case with several processes is measured in the first; the others follow it."""
    from rnnbench.device.devices import Clock, Device
    from rnnbench.measure.goal import Goal
    from rnnbench.measure.kinds import workload_of
    from rnnbench.measure.learn.converge import converge
    from rnnbench.measure.measuring import Beside, Make, Measurement, measure_case
    from rnnbench.measure.parallel import data_parallel, sharing

    session = request.config.stash[SESSION]
    timed = Benchmark(benchmark, request.config)

    def time_rounds(step: Callable[[], None], clock: Clock, step_s: float) -> Sequence[float]:
        goal = Goal(session.budget, clock, step_s)
        found = timed.rounds(step if session.turns is None else session.turns.shared(step, clock, step_s), clock, goal)
        if session.turns is not None:
            session.turns.rounds_are_over()
        return found

    def once(clock: Clock, training: Callable[[], None]) -> None:
        timed.once(training, clock)

    def run(case: Case, beside: Beside | None = None, make: Make | None = None, *, name_kernels: bool = False, **training: Any) -> None:
        if sharing.shared(case):
            sharing.refuse(case, Device(case.device))
        if data_parallel.follows():
            session.measured = Measurement()
            data_parallel.follow(case, skip_oversize=session.skip_oversize)
            return
        if (make or beside) and case.lengths != FIXED_LENGTHS:
            raise Unsupported(f"{case.suite} measures sequences of one length: choose lengths=fixed")
        make = make or (data_parallel.DataParallel if sharing.shared(case) else workload_of(case))
        if case.phase == "converge":
            session.measured = Measurement()
            training |= {"whole": True, "trial": True} if session.trial else {}
            converge(case, session.budget, once, seen=session.measured, folder=session.kept, **training)
            timed.describe(case, dict(session.measured.metrics))
            return
        session.measured = measure_case(
            case,
            session.budget,
            time_rounds,
            beside=beside,
            make=make,
            skip_oversize=session.skip_oversize,
            name_kernels=name_kernels,
            in_turn=session.turns is not None,
        )
        timed.describe(case, dict(session.measured.metrics))

    def run_or_try(case: Case, *words: Any, **more: Any) -> None:
        timed.begin(case)
        with suppress(Untimed):
            run(case, *words, **more)

    return run_or_try


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Report that a case begins."""
    if (task := _task_of(item)) is not None:
        item.config.stash[SESSION].begin(*task)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """Write one record per case, from its measurement or its exception."""
    outcome = yield
    task = _task_of(item)
    if task is None or call.when == "teardown" or (call.when == "setup" and call.excinfo is None):
        return
    session = item.config.stash[SESSION]
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, pytest.skip.Exception):
        error = Unsupported(str(error.msg))
    if isinstance(session, Bare) and not session.records(skipped=call.when == "setup" and isinstance(error, Unsupported)):
        session.measured = None
        _skipped_where(isinstance(error, Unsupported), item, outcome.get_result(), str(error))
        return
    record = record_of(*task, session.measured, error, session.started_utc, os.getpid())
    session.measured = None
    try:
        session.end(record)
    except RnnbenchError as error:
        pytest.exit(str(error), returncode=error.exit_code)
    if session.is_renewed and record.status == "failed" and not _is_usable(record.case.device):
        pytest.exit("the device accepts no more work from this process; another process continues")
    _skipped_where(record.status == "unsupported", item, outcome.get_result(), record.reason)


def _skipped_where(unsupported: bool, item: pytest.Item, report: Any, reason: str) -> None:
    if unsupported:
        report.outcome, report.longrepr = "skipped", (str(item.path), 0, f"Skipped: {reason}")


def _is_usable(device: str) -> bool:
    """Whether the device still accepts work from this process."""
    from rnnbench.device.devices import Device

    try:
        return Device(device).is_usable()
    except RnnbenchError:
        return False


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Finish a run without a supervisor."""
    found = session.config.stash[SESSION]
    if isinstance(found, Bare):
        found.finish(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print where the records are."""
    session = config.stash[SESSION]
    if isinstance(session, Bare) and session.folder:
        terminalreporter.write_line(f"rnnbench: records in {session.folder}")
    elif isinstance(session, Bare) and session.tried:
        terminalreporter.write_line("rnnbench: nothing was timed and nothing recorded, as --benchmark-disable asks")


def _task_of(item: pytest.Item) -> Trial | None:
    found = getattr(item, "callspec", None)
    task = found.params.get("task") if found else None
    return task if isinstance(task, Trial) else None


__all__ = ["JobPlugin", "Record"]
