"""What a suite would cost, on this machine or a named one, without measuring."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from rnnbench.case import Case
from rnnbench.choose import parse_set, selector
from rnnbench.datasheets import Machine
from rnnbench.device.load import at_start, is_quiet
from rnnbench.device.machine_cache import ceilings_known, ceilings_of, machine_key
from rnnbench.errors import UsageError
from rnnbench.roofline import Ceilings, Needs, least_times_s
from rnnbench.runs import catalog
from rnnbench.runs.machine import measured
from rnnbench.runs.processes.client import ForkServer
from rnnbench.runs.request import Request
from rnnbench.scratch import scratch

TYPICAL_SHARE = 0.4
"""Of the ceiling: what recurrent networks commonly reach, so that a prediction lies in the middle and not at the limit."""
FACTOR = 5.0
"""A predicted time is meant to be within this factor of the measured one."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One case. `step_s` and `bound` are none where its FLOPs or the machine's rate are not known, `fits` where its memory is not;
    `why_not` says what is amiss."""

    case: Case
    figures: dict[str, Any]
    step_s: float | None
    bound: str
    fits: bool | None
    why_not: str

    @property
    def steps(self) -> int:
        """The most steps that a training may take; 0 for a case that is one step."""
        return int(self.figures.get("steps", 0))


@dataclass(frozen=True, slots=True)
class Forecast:
    """All cases of the asked suites on one machine. `busy`: its ceilings were measured now, beside other processes, and are too low."""

    machine: str
    source: str
    memory_bytes: int
    rows: tuple[Prediction, ...]
    busy: bool = False


def forecast(request: Request, elsewhere: Machine | None) -> Forecast:
    """Predict every case. Takes no lock: nothing is timed but, once, the machine's ceilings."""
    if not request.suites:
        raise UsageError(f"name a suite with --suite (available: {', '.join(catalog.shipped())})")
    found = tuple(catalog.find(name) for name in request.suites)
    if not request.plugins and not any(one.own for one in found):
        parse_set(request.sets)
        selector(request.select)
    with (
        scratch() as place,
        closing(ForkServer(place / "server.log", environment=request.server_environment())) as server,
    ):
        logs = place
        plugins = catalog.plugins_of(found, request.plugins)
        survey = server.ask("survey", {"device": request.device, "plugins": plugins}, logs / "survey.log")
        device, busy = "cuda" if elsewhere else survey["device"], False
        if elsewhere:
            ceilings, memory, name = elsewhere.ceilings, elsewhere.memory_bytes, elsewhere.name
        else:
            key = machine_key(survey["machine"], device)
            if (known := ceilings_known(request.results, key)) is None:
                busy = not is_quiet(at_start(device))
            ceilings = known or ceilings_of(request.results, key, lambda: measured(device, server, logs / "ceilings.log"), quiet=not busy)
            gpus = survey["machine"].get("gpus") or []
            on_gpu = gpus and device != "cpu"
            gpu = gpus[int(device.partition(":")[2] or 0)] if on_gpu else {}
            memory = gpu["memory_bytes"] if on_gpu else psutil.virtual_memory().available
            name = gpu["name"] if on_gpu else survey["machine"]["cpu"]["model"]
        suites = [one.suite for one in catalog.with_axes(found, survey, request.sets)]
        cases, _ = catalog.chosen(suites, device, request.preset, request.sets, request.select, survey)
        figures = planned(server, cases, plugins, logs / "plan.log", here=elsewhere is None)
        rows = [predicted(case, told, ceilings, memory) for case, told in zip(cases, figures, strict=True)]
    return Forecast(name, ceilings.source, memory, tuple(rows), busy)


def planned(server: ForkServer, cases: Sequence[Case], plugins: Sequence[str], log: Path, *, here: bool) -> list[dict[str, Any]]:
    """What each case holds and asks for, in one child. Where a case ends the child or hangs it, another goes on behind that case."""
    found: list[dict[str, Any]] = []
    while len(found) < len(cases):
        job = {"cases": [case.as_dict() for case in cases[len(found) :]], "here": here, "plugins": plugins}
        found.extend(answer["plan"] for answer in server.answers("plan", job, log))
        if len(found) < len(cases):
            lost = cases[len(found)]
            found.append({"case": lost.as_dict(), "id": str(lost), "unknown": "the process that was to predict it died or hung"})
    return found


def predicted(case: Case, figures: dict[str, Any], ceilings: Ceilings, memory_bytes: int) -> Prediction:
    """A case's time from what it needs: the slower of products and copies at a typical share of the ceiling, and its launches."""
    if why := figures.get("unsupported"):
        return Prediction(case, figures, None, "", fits=False, why_not=why)
    if why := figures.get("unknown"):
        return Prediction(case, figures, None, "", fits=None, why_not=f"unknown: {why}")
    fits = figures["total_bytes"] <= memory_bytes
    least = least_times_s(Needs(figures["flops"], figures["moved_bytes"], figures["operators"]), case.precision, ceilings)
    if "compute" not in least:
        why = "its FLOPs are not known" if figures["flops"] is None else f"no rate of {case.precision} is known of this machine"
        return Prediction(case, figures, None, "", fits=fits, why_not=why)
    roof_s = max(least[name] for name in ("compute", "memory") if name in least)
    step_s = roof_s / TYPICAL_SHARE + least.get("launch", 0.0)
    return Prediction(case, figures, step_s, max(least, key=lambda one: least[one]), fits=fits, why_not="" if fits else "will not fit")
