"""pytest-benchmark's JSON, 3.0.0 to 5.3: a session is a process, or says of its rows which processes they came from (our own export).

What changed over its versions: 3.0.0 states no `cpu`, `params` or `extra_info`; 3.1 names the CPU in `cpu.brand`, without a count; since
3.3 `cpu` is all of py-cpuinfo's, whose 6.0 renamed `brand` to `brand_raw`; `datetime` has a zone since 5.0. `data` is there only where
it was asked for. A commit that was not found is `unknown` or `unversioned`.
"""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from rnnbench.case import Case
from rnnbench.errors import RnnbenchError
from rnnbench.gate.foreign.shapes import STEP, Misshapen, number, rows, stated, table, utc, word
from rnnbench.gate.side import Observed, Side
from rnnbench.record import METRICS

KIND = "pytest-benchmark"
_BRANDS = ("brand_raw", "brand", "hardware_raw", "hardware")
_ANSWERS = ("median", "mean", "min")  # the best that a row states


def fits(data: Any) -> bool:
    """Whether it looks like a session's."""
    return isinstance(data, dict) and isinstance(data.get("benchmarks"), list) and ("machine_info" in data or "commit_info" in data)


def sides(label: str, path: Path, data: Any) -> list[Side]:  # noqa: ARG001 - every reader is given the path
    """The session."""
    values: dict[str, dict[str, dict[int, float]]] = {}
    axes: dict[str, Mapping[str, Any] | None] = {}
    conditions: dict[str, set[Any]] = {}
    for index, row in enumerate(rows(data["benchmarks"], "benchmarks")):
        case, process, figures = _row(table(row, f"benchmark {index + 1}"), index)
        name = _unused(str(case) if case else _name(row, index), process, values)
        axes[name] = case.as_dict() if case else None
        for metric, value in figures.items():
            values.setdefault(name, {}).setdefault(metric, {})[process] = value
        if case is None:
            for key, value in _options(row).items():
                conditions.setdefault(key, set()).add(value)
    info = table(data.get("machine_info") or {}, "machine_info")
    own = any(axes.values())
    known = {key: found.pop() if len(found) == 1 else "mixed" for key, found in conditions.items()}
    arch = {} if own else stated({"architecture": info.get("machine")})
    machine = _machine(info)
    notes = () if own or "model" in machine["cpu"] else ("names no CPU, so machines of the same architecture cannot be distinguished",)
    return [
        Side(
            label=label,
            kind=KIND,
            cases={name: _observed(name, found, axes[name]) for name, found in values.items()},
            machine=machine,
            conditions={**arch, **known},
            commit=_commit(data.get("commit_info")),
            taken_utc=utc(data.get("datetime", "")),
            notes=notes,
        )
    ]


def _name(row: Mapping[str, Any], index: int) -> str:
    return word(row.get("fullname") or row.get("name"), f"the name of benchmark {index + 1}")


def _unused(name: str, process: int, values: Mapping[str, Mapping[str, Mapping[int, float]]]) -> str:
    """The name; with a number where a row of that name and process was read already."""
    found, count = name, 1
    while any(process in one for one in values.get(found, {}).values()):
        count += 1
        found = f"{name} ({count})"
    return found


def _row(row: Mapping[str, Any], index: int) -> tuple[Case | None, int, dict[str, float]]:
    """The case where rnnbench wrote the row, the process, and its figures."""
    where = f"benchmark {row.get('fullname') or row.get('name') or index + 1!r}"
    stats = table(row.get("stats"), f"stats of {where}")
    if times := stats.get("data"):
        step_s = median(number(value, f"a round of {where}") for value in rows(times, f"data of {where}"))
    else:
        answer = next((key for key in _ANSWERS if stats.get(key) is not None), "median")
        step_s = number(stats.get(answer), f"{answer} of {where}")
    extra = row.get("extra_info")
    if not isinstance(extra, Mapping) or "case" not in extra:
        return None, 0, {STEP: step_s}
    known = {name: number(value, f"{name} of {where}") for name, value in extra.items() if name in METRICS and value is not None}
    try:
        return Case.from_dict(table(extra["case"], f"case of {where}")), int(extra.get("process", 0)), {**known, STEP: step_s}
    except (RnnbenchError, TypeError, ValueError, OverflowError) as error:
        raise Misshapen(f"{where}: {error}") from None


def _observed(name: str, values: Mapping[str, Mapping[int, float]], axes: Mapping[str, Any] | None) -> Observed:
    return Observed(id=name, status="ok", axes=axes, values=values, processes=max(len(found) for found in values.values()))


def _options(row: Mapping[str, Any]) -> dict[str, Any]:
    """What of a row's options changes the meaning of its times."""
    found = row.get("options")
    if not isinstance(found, Mapping):
        return {}
    timer = str(found["timer"]).rpartition(".")[2] if "timer" in found else None
    flags = {name: bool(found[name]) for name in ("disable_gc", "warmup") if name in found}
    return {**stated({"timer": timer}), **flags}


def _machine(info: Mapping[str, Any]) -> dict[str, Any]:
    cpu = info.get("cpu") if isinstance(info.get("cpu"), Mapping) else {}
    brands = stated({name: cpu.get(name) for name in _BRANDS}) if isinstance(cpu, Mapping) else {}
    hardware = stated({"model": next(iter(brands.values()), None), "logical": cpu.get("count") if isinstance(cpu, Mapping) else None})
    named = {
        "hostname": info.get("node"),
        "os": info.get("system"),
        "os_release": info.get("release"),
        "python": info.get("python_version"),
        "python_implementation": info.get("python_implementation"),
    }
    torch = {"torch": dict(info["torch"])} if isinstance(info.get("torch"), Mapping) else {}
    return {**stated(named), "cpu": hardware, **torch}


def _commit(info: Any) -> dict[str, Any]:
    if not isinstance(info, Mapping) or not stated({"id": info.get("id")}):
        return {}
    return {"hash": str(info["id"]), "dirty": bool(info.get("dirty"))}
