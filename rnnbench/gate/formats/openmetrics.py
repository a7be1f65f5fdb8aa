"""OpenMetrics 1.0 text: a gauge per metric in base units, for Prometheus, its text-file collectors and `promtool`'s backfilling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from rnnbench.analysis.fit import Interval
from rnnbench.gate.side import Observed, Side
from rnnbench.gate.timeline import machine_of
from rnnbench.moments import in_utc
from rnnbench.record import METRICS
from rnnbench.units import unit_of

_UNITS = {
    "s": ("_s", "seconds"),
    "B": ("_bytes", "bytes"),
    "J": ("_j", "joules"),
    "W": ("_w", "watts"),
    "Hz": ("_hz", "hertz"),
    "°C": ("_celsius", "celsius"),
    "×": ("_ratio", "ratio"),
}
_AXES = ("suite", "variant")
Figures = Sequence[tuple[str, str, Sequence[float], Interval | None]]
"""Case, metric, one figure per process, and the confidence interval of their median."""


@dataclass(slots=True)
class _Family:
    """One metric family. `samples` is (labels, timestamp) → value, so that no point is written twice."""

    kind: str
    unit: str
    about: str
    samples: dict[tuple[str, str], str] = field(default_factory=dict)


def openmetrics(runs: Sequence[tuple[Side, Figures]], *, timed: bool = False) -> str:
    """Runs as OpenMetrics text. Ends of confidence intervals are gauges of their own, `…_lower_…` and `…_upper_…`.

    With `timed` each sample has its run's time, and a run that states no time is left out."""
    families: dict[str, _Family] = {}
    for side, figures in sorted(runs, key=lambda run: run[0].taken_utc):
        began = epoch(side.taken_utc)
        if timed and began is None:
            continue
        stamp = f"{began:.3f}" if timed and began is not None else ""
        machine = machine_of(side)
        for case, metric, values, within in figures:
            labels = _labels(case, side.cases[case], machine)
            about = METRICS[metric].about
            _add(families, metric, "", f"{about}; median over processes", labels, stamp, median(values))
            if within is not None:
                for end, value in (("lower", within.low), ("upper", within.high)):
                    _add(families, metric, end, f"{about}; {end} end of the median's 95 % CI", labels, stamp, value)
        source = {"run": side.label, "commit": str(side.commit.get("hash", "")), "machine": machine}
        families.setdefault("rnnbench_run", _Family("info", "", "the run behind the figures")).samples[_text(source), stamp] = "1"
        if not timed and began is not None:
            made = families.setdefault("rnnbench_run_timestamp_seconds", _Family("gauge", "seconds", "when the run began"))
            made.samples[_text({"machine": machine}), ""] = f"{began:.3f}"
    return "".join(_written(name, one) for name, one in families.items()) + "# EOF\n"


def name_of(metric: str, end: str = "") -> tuple[str, str]:
    """Name and unit of a metric's family: step_time_s → ("rnnbench_step_time_seconds", "seconds")."""
    suffix, unit = _UNITS.get(unit_of(metric), ("", ""))
    if metric.endswith("_share"):
        suffix, unit = "", "ratio"
    stem = metric.removesuffix(suffix) if suffix else metric.removesuffix("_s") + "_second" if metric.endswith("_per_s") else metric
    return "_".join(filter(None, ("rnnbench", stem, end, unit))), unit


def epoch(text: str) -> float | None:
    """Seconds since 1970 of an ISO 8601 time, which is UTC if it does not say; None if it cannot be read."""
    found = in_utc(text)
    return found.timestamp() if found else None


def _add(families: dict[str, _Family], metric: str, end: str, about: str, labels: str, stamp: str, value: float) -> None:
    name, unit = name_of(metric, end)
    text = repr(float(value)).replace("inf", "Inf").replace("nan", "NaN")
    families.setdefault(name, _Family("gauge", unit, about)).samples[labels, stamp] = text


def _labels(case: str, one: Observed, machine: str) -> str:
    axes = {name: str(one.axes[name]) for name in _AXES if one.axes and one.axes.get(name) is not None}
    return _text({"case": case, **axes, "machine": machine})


def _text(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _written(name: str, one: _Family) -> str:
    head = [f"# TYPE {name} {one.kind}", *([f"# UNIT {name} {one.unit}"] if one.unit else []), f"# HELP {name} {_escaped(one.about)}"]
    sample = f"{name}_info" if one.kind == "info" else name
    in_order = sorted(one.samples.items(), key=lambda item: (item[0][0], float(item[0][1] or 0)))  # a series' points stand together
    return "\n".join([*head, *(f"{sample}{{{labels}}} {value} {stamp}".rstrip() for (labels, stamp), value in in_order)]) + "\n"
