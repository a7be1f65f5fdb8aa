"""What a suite would cost on this machine or on a named one, without measuring a case."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psutil

from rnnbench.case import Case
from rnnbench.choose import parse_set, selector
from rnnbench.datasheets import Machine
from rnnbench.errors import UsageError
from rnnbench.measure.known import ceilings_of, machine_key
from rnnbench.registry import user_path
from rnnbench.roofline import Ceilings, Needs, least_times_s
from rnnbench.runs import catalog
from rnnbench.runs.client import ForkServer
from rnnbench.runs.machine import measured
from rnnbench.runs.request import Request
from rnnbench.scratch import scratch

TYPICAL_SHARE = 0.4
"""Of the ceiling: what recurrent networks commonly reach, so that a prediction lies in the middle and not at the limit."""
FACTOR = 5.0
"""A predicted time is meant to be within this factor of the measured one."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One case. `step_s` and `bound` are none where its FLOPs or the machine's rate are not known; `why_not` says what is amiss."""

    case: Case
    figures: dict[str, Any]
    step_s: float | None
    bound: str
    fits: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """All cases of the asked suites on one machine."""

    machine: str
    source: str
    memory_bytes: int
    rows: tuple[Prediction, ...]


def forecast(request: Request, elsewhere: Machine | None) -> Forecast:
    """Predict every case. Takes no lock: nothing is timed but, once, the machine's ceilings."""
    if not request.suites:
        raise UsageError(f"name a suite with --suite (there are: {', '.join(catalog.shipped())})")
    overrides, keep = parse_set(request.sets), selector(request.select)
    with (
        scratch() as place,
        closing(ForkServer(place / "server.log", environment=request.server_environment())) as server,
    ):
        logs = place
        plugins = tuple(str(user_path(path).resolve()) for path in request.plugins)
        survey = server.ask("survey", {"device": request.device, "plugins": plugins}, logs / "survey.log")
        device = "cuda" if elsewhere else survey["device"]
        if elsewhere:
            ceilings, memory, name = elsewhere.ceilings, elsewhere.memory_bytes, elsewhere.name
        else:
            key = machine_key(survey["machine"], device)
            ceilings = ceilings_of(request.results, key, lambda: measured(device, server, logs / "ceilings.log"))
            gpus = survey["machine"].get("gpus") or []
            on_gpu = gpus and device != "cpu"
            memory = gpus[0]["memory_bytes"] if on_gpu else psutil.virtual_memory().available
            name = gpus[0]["name"] if on_gpu else survey["machine"]["cpu"]["model"]
        cases = [case for one in request.suites for case in catalog.find(one).suite.expand(device, request.preset, overrides, keep)]
        rows = []
        for case in cases:
            job = {"case": case.as_dict(), "here": elsewhere is None, "plugins": plugins}
            rows.append(predicted(case, server.ask("plan", job, logs / "plan.log")["plan"], ceilings, memory))
    return Forecast(name, ceilings.source, memory, tuple(rows))


def predicted(case: Case, figures: dict[str, Any], ceilings: Ceilings, memory_bytes: int) -> Prediction:
    """A case's time from what it needs: the slower of products and copies at a typical share of the ceiling, and its launches."""
    if why := figures.get("unsupported"):
        return Prediction(case, figures, None, "", fits=False, why_not=why)
    fits = figures["total_bytes"] <= memory_bytes
    least = least_times_s(Needs(figures["flops"], figures["moved_bytes"], figures["operators"]), case.precision, ceilings)
    if "compute" not in least:
        why = "its FLOPs are not known" if figures["flops"] is None else f"no rate of {case.precision} is known of this machine"
        return Prediction(case, figures, None, "", fits=fits, why_not=why)
    roof_s = max(least[name] for name in ("compute", "memory") if name in least)
    step_s = roof_s / TYPICAL_SHARE + least.get("launch", 0.0)
    return Prediction(case, figures, step_s, max(least, key=lambda one: least[one]), fits=fits, why_not="" if fits else "will not fit")
