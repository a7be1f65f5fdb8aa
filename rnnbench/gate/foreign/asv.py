"""asv's result files, formats 1 and 2: `.asv/results/MACHINE/COMMIT-ENVIRONMENT.json`. A file is one process.

Format 2 has a row of columns for each benchmark, cut off after the last that is not null. Format 1 has a number, null, a list of results,
or an object of `result` and `params`, in which either may be no list. A result of null failed; NaN was skipped (asv marks so what raised
NotImplementedError in its setup). A result of null for all of a benchmark stands for every combination of its parameters.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import Any

from rnnbench.bounded import parsed
from rnnbench.gate.foreign.shapes import Misshapen, left_out, number, rows, seconds, stated, table, timed, utc, whole
from rnnbench.gate.side import Observed, Side

KIND = "asv"
NEWEST = 2
BENCHMARKS, MACHINE = "benchmarks.json", "machine.json"
SKIPPED_FILES = (BENCHMARKS, MACHINE)
MOST_COMBINATIONS = 10_000  # of a benchmark without any result: each would be a row that says the same
_TIME = re.compile(r"(Time|Timeraw)[A-Z_].+|(time|timeraw)_.+")  # asv's own rule for the last part of a name, in asv_runner.benchmarks
_COLUMNS = ("result", "params")


def fits(data: Any) -> bool:
    """Whether it looks like a result file."""
    return isinstance(data, dict) and isinstance(data.get("results"), dict) and "commit_hash" in data


def sides(label: str, path: Path, data: Any) -> list[Side]:
    """What the file timed."""
    version = data.get("version", NEWEST if "result_columns" in data else None)
    if version not in (1, NEWEST):
        raise Misshapen(f"it has asv's format {version!r}; formats 1 and {NEWEST} are read")
    kinds = _kinds(path)
    columns = [str(name) for name in rows(data.get("result_columns", list(_COLUMNS)), "result_columns")] if version == NEWEST else []
    cases: dict[str, Observed] = {}
    others: list[str] = []
    for name, value in data["results"].items():
        if not _is_time(name, kinds.get(name)):
            others.append(name)
            continue
        result, params = _result(name, value, columns)
        cases.update({one.id: one for one in _cases(name, result, params, str(kinds.get(name, {}).get("unit", "seconds")))})
    return [
        Side(
            label=label,
            kind=KIND,
            cases=cases,
            machine=_machine(data),
            commit={"hash": str(data["commit_hash"])} if data["commit_hash"] else {},
            taken_utc=utc(data.get("date")),
            notes=left_out(others, "not a time"),
        )
    ]


def _kinds(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """What benchmarks.json beside or above the file says of each benchmark; nothing where there is none."""
    for folder in (path.parent, path.parent.parent):
        try:
            found = parsed(folder / BENCHMARKS)
        except (OSError, ValueError):
            continue
        if isinstance(found, Mapping):
            return {name: one for name, one in found.items() if isinstance(one, Mapping)}
    return {}


def _is_time(name: str, stated_kind: Mapping[str, Any] | None) -> bool:
    """By the type that benchmarks.json states, also a tracked figure whose unit is one of time; else by asv's rule for names."""
    if stated_kind and "type" in stated_kind:
        return stated_kind["type"] == "time" or seconds(1, str(stated_kind.get("unit", ""))) is not None
    return bool(_TIME.fullmatch(name.rpartition(".")[2]))


def _result(name: str, value: Any, columns: Sequence[str]) -> tuple[Any, Sequence[Sequence[Any]]]:
    """The result and the values of each parameter."""
    fields: Mapping[str, Any]
    if isinstance(value, Mapping):
        fields = value
    elif columns and value is not None:
        fields = dict(zip(columns, rows(value, f"the row of {name!r}"), strict=False))
    else:
        fields = {"result": value}
    params = rows(fields.get("params") or [], f"params of {name!r}")
    return fields.get("result"), [rows(values, f"a parameter of {name!r}") for values in params]


def _cases(name: str, result: Any, params: Sequence[Sequence[Any]], unit: str) -> Iterator[Observed]:
    count = prod(map(len, params))
    results = result if isinstance(result, list) else [] if result is None else [result]
    absent = count - len(results)
    without = f"asv states no result for {absent:,} combinations of its parameters"
    if absent > MOST_COMBINATIONS and not results:
        yield Observed(id=name, status="failed", reason=without, processes=0, lost=1)
        return
    results = [*results, *[None] * (absent if absent <= MOST_COMBINATIONS else 0)]
    combinations: list[tuple[Any, ...]] = list(islice(product(*params), len(results)))  # of many parameters there may be billions
    combinations += [(f"result {index + 1}",) for index in range(len(combinations), len(results))]
    for one, values in zip(results, combinations, strict=True):
        case = _case(f"{name}({', '.join(map(str, values))})" if values else name, one, unit)
        yield replace(case, notes=(without,)) if absent > MOST_COMBINATIONS else case


def _case(name: str, result: Any, unit: str) -> Observed:
    if result is None:
        return Observed(id=name, status="failed", reason="asv states no result", processes=0, lost=1)
    if isinstance(result, float) and math.isnan(result):
        return Observed(id=name, status="unsupported", reason="skipped by its setup, as asv states by NaN", processes=0, lost=1)
    time_s = seconds(number(result, f"the result of {name!r}"), unit)
    return timed(name, [number(result, name) if time_s is None else time_s])


def _machine(data: Mapping[str, Any]) -> dict[str, Any]:
    params = table(data.get("params") or {}, "params")
    requirements = data.get("requirements")
    named = {"hostname": params.get("machine"), "os": params.get("os"), "python": data.get("python"), "environment": data.get("env_name")}
    cpu = stated({"model": params.get("cpu"), "logical": whole(params.get("num_cpu"))})
    packages = {"requirements": stated(dict(requirements))} if isinstance(requirements, Mapping) and requirements else {}
    return {**stated(named), "cpu": cpu, **packages}
