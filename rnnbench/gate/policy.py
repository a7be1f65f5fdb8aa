"""What counts as a change: level, minimum effect per metric and case, and the settings that state them."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from rnnbench import bounded
from rnnbench.analysis.seed_tests import EFFECT
from rnnbench.errors import BadValue, UnknownName, UsageError
from rnnbench.record import METRICS

MIN_EFFECT = 0.02
ALPHA = 0.01
SAMPLED = ("step_time_s", "peak_allocated_bytes")
OF_TRAININGS = {"steps_to_target": EFFECT, "test_error": EFFECT}
"""What trainings are compared in, by their seeds, with the smallest change that counts."""
ONLY = ("deterministic", "sampled")
CANARY = "canary"  # the shipped one; else a case's id
NO_CANARY = "none"
SETTINGS = "pyproject.toml"
_TABLE = "tool.rnnbench.gate"
_KEYS = ("min-effect", "alpha", "metrics", "canary", "override")
_OVERRIDE_KEYS = ("suite", "case", "metric", "min-effect")


@dataclass(frozen=True, slots=True)
class Override:
    """A minimum effect of its own for metrics and cases whose names fit these patterns (`*` and `?`)."""

    min_effect: float
    metric: str = "*"
    case: str = "*"

    def fits(self, case: str, metric: str) -> bool:
        """Whether it speaks of this metric of this case."""
        return fnmatchcase(case, self.case) and fnmatchcase(metric, self.metric)


@dataclass(frozen=True, slots=True)
class Policy:
    """`overrides` are read in order; the last that fits counts. `canary` is a case's id, `canary` for the shipped one, or `none`."""

    min_effect: float = MIN_EFFECT
    alpha: float = ALPHA
    metrics: tuple[str, ...] = SAMPLED
    overrides: tuple[Override, ...] = ()
    only: str = ""
    canary: str = CANARY

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 0.5:
            raise BadValue("alpha", self.alpha, "between 0 and 0.5, for instance 0.01")
        if self.only and self.only not in ONLY:
            raise UnknownName("--only", self.only, ONLY)
        sampled = [name for name, one in METRICS.items() if not one.deterministic and one.better]
        for name in self.metrics:
            if name not in sampled:
                raise UnknownName("metric to test", name, sampled)

    def effect(self, case: str, metric: str) -> float:
        """The smallest change of this metric of this case that counts."""
        fitting = [one.min_effect for one in self.overrides if one.fits(case, metric)]
        return fitting[-1] if fitting else OF_TRAININGS.get(metric, self.min_effect)

    def with_effects(self, texts: Sequence[str]) -> "Policy":
        """As the command line has them: `2%` for all, `METRIC=5%` for one metric."""
        policy = self
        for text in texts:
            name, equals, value = text.rpartition("=")
            if not equals:
                policy = replace(policy, min_effect=share(value, "--min-effect"))
            else:
                known_metric(name)
                policy = replace(policy, overrides=(*policy.overrides, Override(share(value, "--min-effect"), metric=name)))
        return policy


def known_metric(name: str) -> None:
    """Raise UnknownName, which lists those that there are, for a metric that does not exist."""
    if name not in METRICS:
        raise UnknownName("metric", name, METRICS)


def share(value: Any, name: str) -> float:
    """0.02, "2%" or "2 %" as a number."""
    found = re.fullmatch(r"(\d*\.?\d+)\s*(%?)", str(value).strip())
    number = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 < number <= 1:
        raise BadValue(name, value, 'a share above 0 and up to 100 %, for instance "2%"')
    return number


def read_policy(path: Path) -> Policy:
    """The policy of a pyproject.toml's `[tool.rnnbench.gate]`; the default where there is no such file or table."""
    if not path.is_file():
        return Policy()
    data: Any = read_toml(path)
    for key in _TABLE.split("."):
        data = data.get(key, {}) if isinstance(data, Mapping) else {}
    return policy_of(data)


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file's content. Raises UsageError, with the reason, if it cannot be read."""
    try:
        return tomllib.loads(bounded.text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error}") from None


def policy_of(table: Any) -> Policy:
    """The policy of one table of settings; raises for keys that it does not have."""
    _check(table, _KEYS, f"key of [{_TABLE}]")
    named: dict[str, Any] = {}
    if "min-effect" in table:
        named["min_effect"] = share(table["min-effect"], "min-effect")
    if "alpha" in table:
        if not isinstance(table["alpha"], float):
            raise BadValue("alpha", table["alpha"], "a number such as 0.01")
        named["alpha"] = table["alpha"]
    if "metrics" in table:
        named["metrics"] = _names(table["metrics"])
    if "canary" in table:
        if not isinstance(table["canary"], str):
            raise BadValue("canary", table["canary"], "a case's id, canary for the shipped one, or none")
        named["canary"] = table["canary"]
    rows = table.get("override", ())
    if not isinstance(rows, list | tuple):
        raise BadValue("override", rows, f"an array of tables: [[{_TABLE}.override]]")
    return Policy(**named, overrides=tuple(_override(row) for row in rows))


def _override(row: Any) -> Override:
    _check(row, _OVERRIDE_KEYS, f"key of [[{_TABLE}.override]]")
    if "min-effect" not in row:
        raise BadValue("override", dict(row), "each names a min-effect")
    if "suite" in row and "case" in row:
        raise BadValue("override", dict(row), "a suite or a case, not both")
    case = f"{row['suite']}/*" if "suite" in row else str(row.get("case", "*"))
    return Override(share(row["min-effect"], "min-effect"), metric=str(row.get("metric", "*")), case=case)


def _check(table: Any, known: Iterable[str], kind: str) -> None:
    if not isinstance(table, Mapping):
        raise BadValue(_TABLE, table, "a table")
    for key in table:
        if key not in known:
            raise UnknownName(kind, key, known)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise BadValue("metrics", value, "a list of metrics")
    return tuple(value)
