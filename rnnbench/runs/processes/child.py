"""What a forked child does: one job under pytest, or a survey of the machine. It sends JSON lines through `emit`."""

import inspect
import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_benchmark.plugin

from rnnbench.errors import RnnbenchError, Unloadable
from rnnbench.measure import plugin
from rnnbench.measure.job import Job
from rnnbench.measure.loading import load
from rnnbench.measure.plugin import JobPlugin

if TYPE_CHECKING:
    from rnnbench.variants import Variant

Emit = Callable[[dict[str, Any]], None]


def pipe_emitter(descriptor: int, token: int) -> Emit:
    """An `emit` that writes each message as one line into a pipe."""

    def emit(message: dict[str, Any]) -> None:
        rest = memoryview(json.dumps({"token": token, **message}, separators=(",", ":")).encode() + b"\n")
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    return emit


def run_job(data: Mapping[str, Any], emit: Emit) -> int:
    """Run the cases of a job in one pytest session, or one case in such a session in each of its processes.
    Returns pytest's exit code."""
    job = Job.from_dict(data)
    for path in job.plugins:
        load(path)
    if job.tasks[0][0].processes > 1:
        from rnnbench.runs.processes.ranks import launch, wants_ranks

        if wants_ranks(job.tasks[0][0]):
            return launch(job, emit, partial(session, job))
    return session(job, emit)


def session(job: Job, emit: Emit) -> int:
    """Run the cases of a job in a pytest session in this process. Returns pytest's exit code."""
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
        del os.environ[name]  # set if a test started this run: pytest-benchmark would time nothing
    os.environ.pop("PYTEST_ADDOPTS", None)  # the user's options for pytest (--benchmark-disable, -x) are not meant for cases
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # other installed plugins could slow or disturb a case
    home = ("--rootdir", str(Path(job.suite_path).parent), "-c", os.devnull)  # no configuration file
    quiet = ("-q", "--capture=no", "--benchmark-quiet", "-p", "no:cacheprovider")
    nowhere = ("--benchmark-storage", f"file://{os.devnull}/none")  # a folder that cannot be created, so that none is left behind
    lean = ("-p", "no:unraisableexception")  # it collects garbage five times at the end, which takes 1 s with torch
    words = [job.suite_path, *home, *quiet, *nowhere, *lean]
    return int(pytest.main(words, plugins=[pytest_benchmark.plugin, plugin, JobPlugin(job, emit)]))


def survey(data: Mapping[str, Any], emit: Emit) -> int:
    """Send devices, machine and variants to the supervisor. This process may touch CUDA."""
    from rnnbench.device import devices, machine
    from rnnbench.measure import lengths
    from rnnbench.measure.own.model import axes_known
    from rnnbench.tasks import OWN_TASKS, PROBLEMS, TASKS
    from rnnbench.variants import VARIANTS

    try:
        for path in data["plugins"]:
            load(path)
        wanted = data["device"] or devices.best()
        if wanted not in (known := devices.available()) and f"{wanted}:0" not in known:
            devices.Device(wanted)
        variants = [
            {
                "name": one.name,
                "implementations": list(one.implementations),
                "source": one.source,
                "on_cuda": one.on_cuda,
                "about": _about(one),
                "file": _file_of(one.build),
                "axes": [axis.as_dict() for axis in one.axes.values()],
            }
            for one in VARIANTS.all().values()
        ]
        answer = {"device": wanted, "devices": known, "machine": machine.fingerprint(), "variants": variants}
        tasks = {name: TASKS[name].about for name in TASKS} | {name: PROBLEMS[name].about for name in PROBLEMS}
        files = {name: _file_of(TASKS[name].inputs) for name in TASKS} | {name: _file_of(PROBLEMS[name].make) for name in PROBLEMS}
        files |= {name: _file_of(one.draw) for name, one in OWN_TASKS.items()}
        emit(
            {
                "event": "survey",
                **answer,
                "tasks": tasks,
                "takes_turns": True,
                "own": axes_known(),
                "modules": _modules(),
                "task_files": files,
                "lengths": list(lengths.known()),
            }
        )
    except RnnbenchError as error:
        kind = "unloadable" if isinstance(error, Unloadable) else ""
        emit({"event": "refused", "message": str(error), "exit_code": error.exit_code, "kind": kind})
    return 0


def _file_of(thing: Any) -> str:
    """The file that a function comes from, also one that is wrapped or bound to arguments; empty where nothing says so."""
    while isinstance(thing, partial):
        thing = next((one for one in thing.args if callable(one)), thing.func)
    code = getattr(inspect.unwrap(thing), "__code__", None)
    return str(Path(code.co_filename).resolve()) if code else ""


def _modules() -> dict[str, str]:
    """Packages that are loaded, beside the standard library's, and where each comes from."""
    found = {name: getattr(module, "__file__", None) for name, module in sys.modules.items() if "." not in name}
    return {name: str(file) for name, file in found.items() if file and name not in sys.stdlib_module_names}


def _about(one: "Variant") -> str:
    return f"{one.about} ({one.missing})" if one.missing else one.about


def ceilings(data: Mapping[str, Any], emit: Emit) -> int:
    """Send the device's ceilings to the supervisor."""
    from rnnbench.device.ceilings import measure

    emit({"event": "ceilings", "ceilings": measure(data["device"]).as_dict()})
    return 0


def doctor(data: Mapping[str, Any], emit: Emit) -> int:
    """Send the sources of measurement noise on this machine, and its ceilings."""
    from rnnbench.device.ceilings import measure
    from rnnbench.device.fitness import findings

    found = [one.as_dict() for one in findings(data["device"])]
    emit({"event": "doctor", "findings": found, "ceilings": measure(data["device"]).as_dict()})
    return 0


def profile(data: Mapping[str, Any], emit: Emit) -> int:
    """Send the profile of a case's steps to the supervisor."""
    from rnnbench.case import Case
    from rnnbench.measure.profiling.profiler import profile_case

    for path in data["plugins"]:
        load(path)
    emit({"event": "profile", "profile": profile_case(Case.from_dict(data["case"]), data["steps"], Path(data["trace"]))})
    return 0


def plan(data: Mapping[str, Any], emit: Emit) -> int:
    """Send the memory, FLOPs and other needs of each case to the supervisor, one case after another."""
    from rnnbench.case import Case
    from rnnbench.measure.planning import plan_case

    for path in data["plugins"]:
        load(path)
    for case in data["cases"]:
        emit({"event": "plan", "plan": plan_case(Case.from_dict(case), data["here"])})
    return 0


BODIES: Mapping[str, Callable[[Mapping[str, Any], Emit], int]] = {
    "ceilings": ceilings,
    "doctor": doctor,
    "job": run_job,
    "plan": plan,
    "profile": profile,
    "survey": survey,
}
