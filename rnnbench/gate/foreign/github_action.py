"""github-action-benchmark: the `data.js` (or external JSON) that it keeps, and the custom list that it takes.

An entry of `data.js` is one commit's process; several entries of one commit are as many processes. Times are known by their units: ns/iter,
ns/op, ms, iter/sec. A name that our own export wrote ends in the label of its metric.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnbench.gate.foreign.shapes import STEP, left_out, number, rows, seconds, table, utc, word
from rnnbench.gate.side import Observed, Side
from rnnbench.record import METRICS
from rnnbench.units import unit_of

KIND = "github-action-benchmark"
BEFORE = "window.BENCHMARK_DATA"
_LABELS = {f" {one.label}": name for name, one in METRICS.items()}


def fits(data: Any) -> bool:
    """Whether it looks like either form."""
    if isinstance(data, list):
        return bool(data) and all(isinstance(one, dict) and {"name", "unit", "value"} <= one.keys() for one in data)
    return isinstance(data, dict) and isinstance(data.get("entries"), dict) and "lastUpdate" in data


def script(text: str) -> str:
    """The JSON within a data.js; other text as it is."""
    head, equals, rest = text.partition("=")
    return rest.strip().rstrip(";") if equals and head.strip() == BEFORE else text


def sides(label: str, path: Path, data: Any) -> list[Side]:  # noqa: ARG001 - every reader is given the path
    """One side for each commit, oldest first; one for a list."""
    if isinstance(data, list):
        return [_side(label, [("", data)])]
    found: dict[tuple[str, str], list[tuple[str, Any]]] = {}
    dates: dict[tuple[str, str], str] = {}
    groups = table(data["entries"], "entries")
    for group, entries in groups.items():
        for index, one in enumerate(rows(entries, f"entries of {group!r}")):
            entry = table(one, f"entry {index + 1} of {group!r}")
            commit = str(table(entry.get("commit") or {}, f"commit of entry {index + 1} of {group!r}").get("id", ""))
            date = utc(entry.get("date"))
            key = (commit, "" if commit else date)
            found.setdefault(key, []).append((f"{group}/" if len(groups) > 1 else "", entry.get("benches")))
            dates[key] = max(dates.get(key, ""), date)
    made = [
        replace(_side(label, entries), commit={"hash": key[0]} if key[0] else {}, taken_utc=dates[key]) for key, entries in found.items()
    ]
    return sorted(made, key=lambda one: one.taken_utc)


def _side(label: str, entries: Sequence[tuple[str, Any]]) -> Side:
    values: dict[str, dict[str, list[float]]] = {}
    others: list[str] = []
    for prefix, benches in entries:
        for name, metric, value in _figures(prefix, rows(benches, "benches"), others):
            values.setdefault(name, {}).setdefault(metric, []).append(value)
    cases = {name: _observed(name, found) for name, found in values.items()}
    return Side(label=label, kind=KIND, cases=cases, notes=(*left_out(others, "not a time"), "states no machine"))


def _figures(prefix: str, benches: Sequence[Any], others: list[str]) -> Iterator[tuple[str, str, float]]:
    for index, one in enumerate(benches):
        bench = table(one, f"bench {index + 1}")
        name = prefix + word(bench.get("name"), f"the name of bench {index + 1}")
        value, unit = number(bench.get("value"), f"value of {name!r}"), str(bench.get("unit", ""))
        ours = [label for label, metric in _LABELS.items() if name.endswith(label) and unit == (unit_of(metric) or metric)]
        time_s = seconds(value, unit)
        if ours:
            label = max(ours, key=len)
            yield name.removesuffix(label), _LABELS[label], value
        elif time_s is not None:
            yield name, STEP, time_s
        else:
            others.append(f"{name} ({unit})")


def _observed(name: str, found: Mapping[str, Sequence[float]]) -> Observed:
    processes = max(map(len, found.values()))
    return Observed(id=name, status="ok", values={metric: dict(enumerate(one)) for metric, one in found.items()}, processes=processes)
