"""A side's values in the formats of benchmark trackers: github-action-benchmark, Bencher, Otava, and OpenMetrics for Prometheus."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median

from rnnbench.analysis.fit import CONFIDENCE, Interval, median_interval
from rnnbench.case import Case
from rnnbench.choose import selector
from rnnbench.errors import UsageError
from rnnbench.gate.formats.openmetrics import openmetrics
from rnnbench.gate.policy import known_metric
from rnnbench.gate.side import Side
from rnnbench.record import METRICS, Better
from rnnbench.units import unit_of

Row = tuple[str, str, Sequence[float]]
STEP = ("step_time_s",)


def exported(side: Side, format_: str, metrics: Sequence[str] = (), select: str = "") -> str:
    """A side in one of the `EXPORTS`, reduced to some metrics and to the cases that a `--select` expression keeps.

    Raises UnknownName for a metric that does not exist, and UsageError if nothing is left to export."""
    for name in metrics:
        known_metric(name)
    kept = selected(side, select)
    better = _DIRECTIONS.get(format_)
    if (metrics or select) and not any(better in (None, METRICS[metric].better) for _, metric, _ in rows(kept, metrics)):
        found = sorted({metric for _, metric, _ in rows(kept) if better in (None, METRICS[metric].better)})
        holds = f"its cases have {', '.join(found)}" if found else f"{len(kept.cases)} of its {len(side.cases)} cases are selected"
        raise UsageError(f"nothing of {side.label!r} is left to export as {format_}: {holds}")
    return EXPORTS[format_](kept, metrics)


def selected(side: Side, select: str) -> Side:
    """The side with only the cases that a `--select` expression keeps. Raises UsageError if its cases have no axes."""
    keep = selector(select)
    if keep is None:
        return side
    if any(one.axes is None for one in side.cases.values()):
        raise UsageError(f"--select {select!r} needs axes, and {side.label!r} ({side.kind}) states none; export it without --select")
    return replace(side, cases={name: one for name, one in side.cases.items() if one.axes and keep(Case.from_dict(one.axes))})


def rows(side: Side, metrics: Sequence[str] = ()) -> Iterator[Row]:
    """Case, metric and one figure per process: of these metrics, otherwise of every metric with a direction of better."""
    for name, case in side.cases.items():
        for metric, values in case.values.items():
            if metric in METRICS and values and (metric in metrics if metrics else METRICS[metric].better is not None):
                yield name, metric, list(values.values())


def bounds(metric: str, values: Sequence[float]) -> Interval | None:
    """The 95 % confidence interval of the median over processes, from order statistics.

    None with fewer than six processes, which cannot reach 95 %, for exact metrics, and where both ends are equal."""
    found = None if METRICS[metric].deterministic else median_interval(values)
    return found if found and found.coverage >= CONFIDENCE and found.low < found.high else None


def gab(side: Side, better: Better, metrics: Sequence[str] = ()) -> str:
    """github-action-benchmark's `customSmallerIsBetter` or `customBiggerIsBetter`: one list per direction of better."""
    return json.dumps([_gab(side, *row) for row in rows(side, metrics) if METRICS[row[1]].better == better], indent=1)


def _gab(side: Side, case: str, metric: str, values: Sequence[float]) -> dict[str, object]:
    within = bounds(metric, values)
    many = f"{len(values)} process{'' if len(values) == 1 else 'es'}, {side.label}"
    return {
        "name": f"{case} {METRICS[metric].label}",
        "unit": unit_of(metric) or metric,
        "value": median(values),
        **({"range": f"{within.low:.6g} to {within.high:.6g}"} if within else {}),
        "extra": many + ("; range: 95 % CI of the median" if within else ""),
    }


def bmf(side: Side, metrics: Sequence[str] = ()) -> str:
    """Bencher's metric format: benchmark → measure → median over processes, with its 95 % CI from six processes on."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for case, metric, values in rows(side, metrics):
        within = bounds(metric, values)
        ends = {"lower_value": within.low, "upper_value": within.high} if within else {}
        table.setdefault(case, {})[metric.replace("_", "-")] = {"value": median(values), **ends}
    return json.dumps(table, indent=1)


def otava(sides: Iterable[Side], metrics: Sequence[str] = STEP) -> str:
    """Otava's CSV: a row a run in order of time, a column for each case and metric; empty where a run lacks it."""
    ordered = sorted(sides, key=lambda side: side.taken_utc)
    columns = dict.fromkeys((case, metric) for side in ordered for case, metric, _ in rows(side, metrics))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["time", "commit", "run", *(f"{case}:{metric}" for case, metric in columns)])
    for side in ordered:
        cells = (_middle(side.cases[case].values.get(metric, {})) if case in side.cases else "" for case, metric in columns)
        writer.writerow([side.taken_utc, side.commit.get("hash", ""), side.label, *cells])
    return text.getvalue()


def _middle(values: Mapping[int, float]) -> str:
    found = median(values.values()) if values else math.nan
    return f"{found:.9g}" if math.isfinite(found) else ""


def metrics_text(sides: Sequence[Side], metrics: Sequence[str] = (), *, timed: bool = False) -> str:
    """OpenMetrics text; `timed` gives each sample the time of its run, as backfilling needs."""
    return openmetrics([(side, [(*row, bounds(row[1], row[2])) for row in rows(side, metrics)]) for side in sides], timed=timed)


_DIRECTIONS: Mapping[str, Better] = {"gab-smaller": "lower", "gab-bigger": "higher"}
EXPORTS: Mapping[str, Callable[[Side, Sequence[str]], str]] = {
    "gab-smaller": lambda side, metrics: gab(side, "lower", metrics),
    "gab-bigger": lambda side, metrics: gab(side, "higher", metrics),
    "bmf": bmf,
    "otava-csv": lambda side, metrics: otava([side], metrics or STEP),
    "openmetrics": lambda side, metrics: metrics_text([side], metrics),
}
