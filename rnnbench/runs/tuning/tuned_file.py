"""A tuning file: what was chosen for each setting, from which space, in how many trials. `rnnbench run --tuned FILE` reads it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rnnbench.bounded import parsed
from rnnbench.case import AXES, Case
from rnnbench.errors import BadResults, CannotWrite, RnnbenchError, Unsupported, UsageError
from rnnbench.runs.tuning.settings import AXES_TUNED, load_plugins, setting_of, tunable, version_of
from rnnbench.runs.tuning.space import Values

# History of the file format:
# 1  first form
TUNING_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for one setting, its error on the validation split, and the version of the task that it was chosen on."""

    values: Values
    validation_error: float
    task_version: str


@dataclass(frozen=True, slots=True)
class Tuned:
    """A tuning file as it was read. A run's cases get its values where their suite has none."""

    path: Path
    trials: int
    space: Mapping[str, Any]
    choices: Mapping[str, Choice]
    name: str = "tuned"

    def applied(self, cases: Sequence[Case], plugins: Sequence[str] = ()) -> tuple[Case, ...]:
        """The cases with the values that were chosen for them. Raises UsageError where the file is of none of them, or of another version
        of a task."""
        load_plugins(plugins)
        chosen = {case: choice for case in cases if not tunable(case) and (choice := self.choices.get(setting_of(case)))}
        if not chosen:
            raise UsageError(f"--tuned {str(self.path)!r} has no case of this run; it has: {', '.join(list(self.choices)[:3])}")
        known: dict[tuple[str, int], str] = {}
        for case, choice in chosen.items():
            key = case.task, case.seq_len
            if key not in known:
                try:
                    known[key] = version_of(case)
                except Unsupported:
                    known[key] = ""  # its own record says why it cannot be trained
            if known[key] not in ("", choice.task_version):
                raise UsageError(
                    f"--tuned {str(self.path)!r} was tuned on another version of the task {case.task!r}"
                    f" ({choice.task_version}, now {known[key]}): run rnnbench tune again"
                )
        return tuple(replace(case, **chosen[case].values) if case in chosen else case for case in cases)

    def about(self, cases: Sequence[Case]) -> dict[str, Any]:
        """What run.json says: the trials, the space, and what each of its cases got."""
        found = {}
        for case in cases:
            choice = self.choices.get(setting_of(case))
            if choice and all(getattr(case, name) == value for name, value in choice.values.items()):
                found[str(case)] = dict(choice.values)
        return {"file": self.path.name, "trials": self.trials, "space": dict(self.space), "cases": found}


def write(path: Path, told: Mapping[str, Any]) -> None:
    """A tuning file. Raises CannotWrite."""
    try:
        path.write_text(json.dumps({"schema": TUNING_SCHEMA, **told}, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise CannotWrite(path, error.strerror or error) from None


def read(path: Path) -> Tuned:
    """A tuning file. Raises BadResults with what is wrong with it."""
    try:
        data = parsed(path)
    except (OSError, ValueError) as error:
        raise BadResults(path, getattr(error, "strerror", None) or str(error)) from None
    if not isinstance(data, Mapping) or data.get("schema") != TUNING_SCHEMA:
        stated = data.get("schema") if isinstance(data, Mapping) else None
        raise BadResults(path, f"its schema is {stated!r}, and a tuning file's is {TUNING_SCHEMA}: make one with rnnbench tune")
    try:
        choices = {str(name): _choice(one) for name, one in data["cases"].items()}
        return Tuned(path, int(data["trials"]), dict(data["space"]), choices)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RnnbenchError) as error:
        raise BadResults(path, f"not a tuning file ({type(error).__name__}: {error})") from None


def _choice(one: Mapping[str, Any]) -> Choice:
    values = {name: one[name] for name in AXES_TUNED}
    for name, value in values.items():
        AXES[name].check(value)
    if not isinstance(values["lr"], float) or not 0 < values["lr"] < math.inf:
        raise ValueError(f"lr is {values['lr']!r}")
    return Choice(values, float(one["validation_error"]), str(one["task_version"]))
