"""Results of other tools as a side: pytest-benchmark's JSON and asv's. Each file is one process, however many rounds it holds."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from pathlib import Path
from statistics import median
from typing import Any

from rnnbench.analysis.side import Observed, Side
from rnnbench.case import Case
from rnnbench.errors import BadResults, RnnbenchError
from rnnbench.record import METRICS

_MISSHAPEN = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RnnbenchError)
_TIMES = ("time_", "timeraw_")


def is_pytest_benchmark(data: Any) -> bool:
    """Whether it looks like `--benchmark-json`."""
    return isinstance(data, dict) and isinstance(data.get("benchmarks"), list) and "machine_info" in data


def is_asv(data: Any) -> bool:
    """Whether it looks like `.asv/results/<machine>/<commit>-<environment>.json`."""
    return isinstance(data, dict) and isinstance(data.get("results"), dict) and "commit_hash" in data


def pytest_benchmark_side(label: str, files: Mapping[Path, Any]) -> Side:
    """Several sessions of the same benchmarks: each file is a process, or says itself which processes its rows came from."""
    values: dict[str, dict[str, dict[int, float]]] = {}
    axes: dict[str, Mapping[str, Any] | None] = {}
    for number, (path, data) in enumerate(files.items()):
        try:
            for row in data["benchmarks"]:
                case, process, figures = _row(row, number)
                name = str(case) if case else str(row["fullname"])
                axes[name] = case.as_dict() if case else None
                for metric, value in figures.items():
                    values.setdefault(name, {}).setdefault(metric, {})[process] = value
        except _MISSHAPEN as error:
            raise BadResults(path, f"not pytest-benchmark's JSON ({type(error).__name__}: {error})") from None
    first = next(iter(files.values()))
    return Side(
        label=label,
        kind="pytest-benchmark",
        cases={name: _observed(name, found, axes[name]) for name, found in values.items()},
        machine=_machine(first["machine_info"]),
        commit=_commit(first.get("commit_info")),
        taken_utc=str(first.get("datetime", "")),
    )


def _row(row: Mapping[str, Any], number: int) -> tuple[Case | None, int, dict[str, float]]:
    """The case where rnnbench wrote the row, the process, and its figures."""
    extra, stats = row.get("extra_info") or {}, row["stats"]
    times = stats.get("data") or [stats["median"]]
    figures = {"step_time_s": float(median(times))}
    if "case" not in extra:
        return None, number, figures
    known = {name: float(value) for name, value in extra.items() if name in METRICS and isinstance(value, int | float)}
    return Case.from_dict(extra["case"]), int(extra.get("process", number)), {**known, **figures}


def _observed(name: str, values: Mapping[str, Mapping[int, float]], axes: Mapping[str, Any] | None) -> Observed:
    return Observed(id=name, status="ok", axes=axes, values=values, processes=max(len(found) for found in values.values()))


def _machine(info: Any) -> dict[str, Any]:
    if not isinstance(info, Mapping):
        return {}
    cpu = info.get("cpu") if isinstance(info.get("cpu"), Mapping) else {}
    named = {"hostname": info.get("node"), "python": info.get("python_version")}
    hardware = {"model": cpu.get("brand_raw"), "logical": cpu.get("count")} if isinstance(cpu, Mapping) else {}
    table = {**_without_none(named), "cpu": _without_none(hardware)}
    return {**table, "torch": dict(info["torch"])} if isinstance(info.get("torch"), Mapping) else table


def _commit(info: Any) -> dict[str, Any]:
    return {"hash": info.get("id", ""), "dirty": bool(info.get("dirty"))} if isinstance(info, Mapping) else {}


def asv_side(label: str, path: Path, data: Mapping[str, Any]) -> Side:
    """One result file of asv (format 2): what it timed. A result of null is a failed case."""
    cases: dict[str, Observed] = {}
    left_out = 0
    try:
        columns = list(data.get("result_columns", ("result", "params")))
        for name, row in data["results"].items():
            if not str(name).rpartition(".")[2].startswith(_TIMES):
                left_out += 1
                continue
            fields = dict(zip(columns, row, strict=False)) if isinstance(row, list) else {"result": row.get("result"), **row}
            cases.update({one.id: one for one in _asv_cases(str(name), fields)})
        machine = data.get("params", {})
        cpu = _without_none({"model": machine.get("cpu"), "logical": _whole(machine.get("num_cpu"))})
    except _MISSHAPEN as error:
        raise BadResults(path, f"not asv's JSON ({type(error).__name__}: {error})") from None
    return Side(
        label=label,
        kind="asv",
        cases=cases,
        machine={**_without_none({"hostname": machine.get("machine"), "python": data.get("python")}), "cpu": cpu},
        commit={"hash": data["commit_hash"]},
        taken_utc=str(data.get("date", "")),
        notes=(f"{left_out} benchmarks that are not times are left out",) if left_out else (),
    )


def _asv_cases(name: str, fields: Mapping[str, Any]) -> Iterator[Observed]:
    results = fields["result"]
    results = results if isinstance(results, list) else [results]
    combinations: Sequence[tuple[str, ...]] = list(islice(product(*(fields.get("params") or [])), len(results)))  # of many axes: billions
    for result, values in zip(results, combinations, strict=False):
        case = f"{name}({', '.join(values)})" if values else name
        if result is None or (isinstance(result, float) and math.isnan(result)):
            yield Observed(id=case, status="failed", reason="asv states no result", processes=0, lost=1)
        else:
            yield Observed(id=case, status="ok", values={"step_time_s": {0: float(result)}})


def _whole(value: Any) -> int | None:
    return int(value) if str(value).isdigit() else None


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if value is not None}
