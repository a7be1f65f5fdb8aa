"""Google Benchmark's JSON: a file is one process; of its repetitions the median counts. Wall time (`real_time`) is the step time.

Rows of aggregates are read only where a benchmark has no rows of repetitions (`--benchmark_report_aggregates_only`): the median, else the
mean. Older versions state no `run_type` and mark aggregates by the end of the name.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rnnbench.gate.foreign.shapes import Misshapen, left_out, number, rows, seconds, stated, table, timed, utc, word
from rnnbench.gate.side import Observed, Side

KIND = "Google Benchmark"
_AGGREGATE = re.compile(r"(.+)_(mean|median|stddev|cv|BigO|RMS|min|max)")
_READ = (
    *("name", "run_name", "run_type", "aggregate_name", "aggregate_unit", "family_index", "per_family_instance_index", "repetitions"),
    *("repetition_index", "threads", "iterations", "real_time", "time_unit", "label"),
    *("error_occurred", "error_message", "skipped", "skip_message"),
)


def fits(data: Any) -> bool:
    """Whether it looks like `--benchmark_format=json`."""
    return isinstance(data, dict) and isinstance(data.get("benchmarks"), list) and "context" in data


def sides(label: str, path: Path, data: Any) -> list[Side]:  # noqa: ARG001 - every reader is given the path
    """What the program timed."""
    context = table(data["context"], "context")
    found: dict[str, list[Mapping[str, Any]]] = {}
    for index, one in enumerate(rows(data["benchmarks"], "benchmarks")):
        row = table(one, f"benchmark {index + 1}")
        found.setdefault(_base(row, index), []).append(row)
    cases = {name: case for name, several in found.items() if (case := _case(name, several)) is not None}
    fits_of_cost = [name for name in found if name not in cases]
    counters = sorted({name for several in found.values() for row in several for name in row if name not in _READ})
    cpu = stated({"logical": context.get("num_cpus"), "mhz": context.get("mhz_per_cpu")})
    return [
        Side(
            label=label,
            kind=KIND,
            cases=cases,
            machine={**stated({"hostname": context.get("host_name"), "library": context.get("library_version")}), "cpu": cpu},
            conditions=stated({"library_build_type": context.get("library_build_type")}),
            taken_utc=utc(context.get("date")),
            notes=(*left_out(counters, "not the wall time"), *left_out(fits_of_cost, "a fit of several times")),
        )
    ]


def _aggregate(row: Mapping[str, Any]) -> str:
    """Which aggregate a row is; empty for a repetition."""
    if "run_type" in row:
        return str(row.get("aggregate_name", "")) if row["run_type"] == "aggregate" else ""
    named = _AGGREGATE.fullmatch(str(row.get("name", "")))
    return named[2] if named else ""


def _base(row: Mapping[str, Any], index: int) -> str:
    name = word(row.get("run_name") or row.get("name"), f"the name of benchmark {index + 1}")
    named = _AGGREGATE.fullmatch(name) if _aggregate(row) and "run_name" not in row else None
    return named[1] if named else name


def _case(name: str, several: Sequence[Mapping[str, Any]]) -> Observed | None:
    """None where a name has nothing but a fit of its cost."""
    for row in several:
        if row.get("error_occurred"):
            return Observed(id=name, status="failed", reason=str(row.get("error_message") or "it states an error"), processes=0, lost=1)
        if row.get("skipped"):
            return Observed(id=name, status="unsupported", reason=str(row.get("skip_message") or "skipped"), processes=0, lost=1)
    repetitions = [row for row in several if not _aggregate(row)]
    for wanted in ("", "median", "mean"):
        chosen = repetitions if not wanted else [row for row in several if _aggregate(row) == wanted]
        if chosen:
            notes = ("the mean of its repetitions, as their median is not stated",) if wanted == "mean" else ()
            return timed(name, [median(_time_s(name, row) for row in chosen)], notes=notes)
    return None


def _time_s(name: str, row: Mapping[str, Any]) -> float:
    unit = str(row.get("time_unit", "ns"))
    found = seconds(number(row.get("real_time"), f"real_time of {name!r}"), unit)
    if found is None:
        raise Misshapen(f"time_unit of {name!r} is {unit!r}, not ns, us, ms or s")
    return found
