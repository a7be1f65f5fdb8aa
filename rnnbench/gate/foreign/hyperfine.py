"""hyperfine's `--export-json`: hyperfine starts a process for each run, so each of its times is one process of the command."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnbench.gate.foreign.shapes import left_out, number, rows, table, timed, word
from rnnbench.gate.side import Observed, Side

KIND = "hyperfine"


def fits(data: Any) -> bool:
    """Whether it looks like an export."""
    found = data.get("results") if isinstance(data, dict) else None
    return isinstance(found, list) and all(isinstance(one, dict) and "command" in one for one in found)


def sides(label: str, path: Path, data: Any) -> list[Side]:  # noqa: ARG001 - every reader is given the path
    """A case for each command; its parameters are part of the name where commands share theirs."""
    found = [table(one, f"result {index + 1}") for index, one in enumerate(rows(data["results"], "results"))]
    names = Counter(str(one.get("command")) for one in found)
    cases: dict[str, Observed] = {}
    for one in found:
        name = word(one.get("command"), "a command")
        parameters = one.get("parameters")
        if names[name] > 1 and isinstance(parameters, Mapping):
            name += f" ({', '.join(f'{key}={value}' for key, value in parameters.items())})"
        while name in cases:
            name += " (again)"
        cases[name] = _case(name, one)
    others = [name for name in ("user", "system", "memory_usage_byte") if any(name in one for one in found)]
    return [Side(label=label, kind=KIND, cases=cases, notes=(*left_out(others, "not the wall time"), "states no machine and no commit"))]


def _case(name: str, one: Mapping[str, Any]) -> Observed:
    times = one.get("times")
    if not times:
        answer = "median" if one.get("median") is not None else "mean"
        time_s = number(one.get(answer), f"{answer} of {name!r}")
        return timed(name, [time_s], notes=(f"the {answer} of its runs: single times are not stated",))
    found = [number(value, f"a time of {name!r}") for value in rows(times, f"times of {name!r}")]
    codes = one.get("exit_codes")
    codes = codes if isinstance(codes, list) and len(codes) == len(found) else [0] * len(found)
    fine = [value for value, code in zip(found, codes, strict=True) if code == 0]
    lost = len(found) - len(fine)
    reason = f"exit status {next(code for code in codes if code != 0)}" if lost else ""
    if not fine:
        return Observed(id=name, status="failed", reason=reason, processes=0, lost=lost)
    return timed(name, fine, lost=lost, reason=reason)
