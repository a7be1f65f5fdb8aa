"""A side's values in the formats of benchmark trackers: github-action-benchmark, Bencher, Otava."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median

from rnnbench.gate.side import Side
from rnnbench.record import METRICS, Better
from rnnbench.units import unit_of

Row = tuple[str, str, Sequence[float]]


def rows(side: Side) -> Iterator[Row]:
    """Case, metric and the processes' figures, of every metric that has a better way."""
    for name, case in side.cases.items():
        for metric, values in case.values.items():
            if metric in METRICS and METRICS[metric].better is not None and values:
                yield name, metric, list(values.values())


def gab(side: Side, better: Better) -> str:
    """github-action-benchmark's `customSmallerIsBetter` or `customBiggerIsBetter`: a list for each way."""
    return json.dumps(
        [
            {
                "name": f"{case} {METRICS[metric].label}",
                "unit": unit_of(metric) or metric,
                "value": median(values),
                **({"range": f"{min(values):.6g} to {max(values):.6g}"} if len(values) > 1 else {}),
                "extra": f"{len(values)} processes, {side.label}",
            }
            for case, metric, values in rows(side)
            if METRICS[metric].better == better
        ],
        indent=1,
    )


def bmf(side: Side) -> str:
    """Bencher's metric format: benchmark → measure → value, with the least and the largest process where there are several."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for case, metric, values in rows(side):
        ends = {"lower_value": min(values), "upper_value": max(values)} if len(values) > 1 else {}
        table.setdefault(case, {})[metric.replace("_", "-")] = {"value": median(values), **ends}
    return json.dumps(table, indent=1)


def otava(sides: Iterable[Side], metrics: Sequence[str] = ("step_time_s",)) -> str:
    """Otava's CSV: a row a run in order of time, a column for each case and metric; empty where a run lacks it."""
    ordered = sorted(sides, key=lambda side: side.taken_utc)
    columns = dict.fromkeys((case, metric) for side in ordered for case, metric, _ in rows(side) if metric in metrics)
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


EXPORTS: Mapping[str, Callable[[Side], str]] = {
    "gab-smaller": lambda side: gab(side, "lower"),
    "gab-bigger": lambda side: gab(side, "higher"),
    "bmf": bmf,
    "otava-csv": lambda side: otava([side]),
}
