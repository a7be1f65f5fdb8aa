"""How two runs differ: settings on purpose, options, machine, versions and commit; and what to call each run."""

from collections.abc import Mapping
from typing import Any

from rnnbench import units
from rnnbench.case import AXES
from rnnbench.gate.design import ONE_SIDE_HAS_NONE
from rnnbench.gate.verdict import Comparison
from rnnbench.record import Run
from rnnbench.reports import words
from rnnbench.reports.run_facts import headline
from rnnbench.spelling import spelt

_OPTIONS = ("preset", "device", "set", "select", "threads", "pin", "isolation", "processes", "plugins")
_NONE = "none"


def side_names(base: Run, candidate: Run, design: Mapping[str, tuple[Any, Any]]) -> tuple[str, str]:
    """Base and candidate in words: by the settings in which they differ, else by commit, by host, or by date."""
    if named := setting_names(design):
        return named
    for name in (_commit, _host, _date):
        names = name(base), name(candidate)
        if names[0] and names[1] and names[0] != names[1]:
            return names
    return words.visible(base.id), words.visible(candidate.id)


def setting_names(design: Mapping[str, tuple[Any, Any]]) -> tuple[str, str] | None:
    """The two settings that a comparison is about: ("fp32", "bf16"); None where they are the same."""
    first, second = (", ".join(_setting(axis, pair[side]) for axis, pair in design.items()) for side in (0, 1))
    return (first, second) if first != second else None


def _setting(name: str, value: Any) -> str:
    if isinstance(value, list):
        return " or ".join(words.value(name, one) for one in value[:3])
    if name not in AXES and value == ONE_SIDE_HAS_NONE:
        return f"no {name}"
    return words.value(name, value) if name in AXES else f"{name}={value}"


def _commit(run: Run) -> str:
    found = str(run.commit.get("hash") or "")
    return f"commit {spelt(found[:10])}{' with changes' if run.commit.get('dirty') else ''}" if found else ""


def _host(run: Run) -> str:
    return words.visible(str(run.machine.get("hostname") or ""))


def _date(run: Run) -> str:
    return next(iter(headline(run)), "") if run.started_utc else ""


def run_differences(base: Run, candidate: Run, found: Comparison) -> dict[str, tuple[str, str]]:
    """Every respect in which the runs differ, name → (base, candidate) as text."""
    design = {words.axis(name) if name in AXES else name: _both(pair) for name, pair in found.design.items()}
    before, after = (run.arguments for run in (base, candidate))
    options = {name: (before.get(name), after.get(name)) for name in _OPTIONS if before.get(name) != after.get(name)}
    budgets = [arguments.get("budget") for arguments in (before, after)]
    limits = [budget if isinstance(budget, Mapping) else {} for budget in budgets]
    spent = {f"budget {name.replace('_', ' ')}": (limits[0].get(name), limits[1].get(name)) for name in {**limits[0], **limits[1]}}
    measured = {name: pair for name, pair in found.differences.items() if name not in ("budget", *_OPTIONS)}
    pairs = {**options, **{name: pair for name, pair in spent.items() if pair[0] != pair[1]}, **measured}
    return {**design, **{name: _both(pair) for name, pair in pairs.items()}}


def _both(pair: tuple[Any, Any]) -> tuple[str, str]:
    return _text(pair[0]), _text(pair[1])


def _text(value: Any) -> str:
    if value is None or value in ([], ""):
        return _NONE
    return ", ".join(map(units.plain, value)) if isinstance(value, list | tuple) else units.plain(value)
