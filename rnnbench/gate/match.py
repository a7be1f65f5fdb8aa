"""Which cases of two sides correspond, and whether they were measured alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rnnbench.gate.side import Observed, Side

# What must agree for times to be held against each other: hardware and its limits.
HARDWARE = (
    "cpu.model", "cpu.cores", "cpu.logical", "cpu.usable", "cpu.governor", "container.cpu_limit", "gpus", "torch.threads"
)  # fmt: skip
_PASSING = ("hostname", "cpu.mhz", "ceilings", *HARDWARE)  # not told as a difference of software; a container's host name is new each time


@dataclass(frozen=True, slots=True)
class Match:
    """Cases of both sides that answer each other. `renamed_from` is the base's id where it differs."""

    base: Observed
    candidate: Observed
    renamed_from: str = ""


@dataclass(frozen=True, slots=True)
class Matched:
    """Matches in the base's order, then what is on one side alone."""

    both: list[Match]
    missing: list[Observed]
    new: list[Observed]


def match(base: Side, candidate: Side) -> Matched:
    """By id; then by all axes but the suite, where that leaves no doubt."""
    answers = {candidate.aliases.get(name, name): one for name, one in candidate.cases.items()}
    both = [Match(one, answers[name]) for name, one in base.cases.items() if name in answers]
    missing = [one for name, one in base.cases.items() if name not in answers]
    new = [one for name, one in answers.items() if name not in base.cases]
    for one in list(missing):
        same = [other for other in new if _alike(one, other)]
        if len(same) == 1 and sum(_alike(twin, same[0]) for twin in missing) == 1:
            both.append(Match(one, same[0], renamed_from=one.id))
            missing.remove(one)
            new.remove(same[0])
    return Matched(both, missing, new)


def _alike(one: Observed, other: Observed) -> bool:
    """The same but for the suite."""
    return one.axes is not None and other.axes is not None and _without_suite(one.axes) == _without_suite(other.axes)


def _without_suite(axes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in axes.items() if name != "suite"}


def nearest(one: Observed, others: list[Observed]) -> str:
    """In words, a case of the other side that differs in one axis only; empty where there is none."""
    for other in others:
        if one.axes is None or other.axes is None:
            continue
        theirs = other.axes
        unlike = [name for name in one.axes if one.axes[name] != theirs.get(name)]
        if len(unlike) == 1:
            return f"{other.id} differs in {unlike[0]} only"
    return ""


def unlike_conditions(base: Side, candidate: Side) -> dict[str, tuple[Any, Any]]:
    """What forbids holding times against each other: hardware and conditions. Two sides of a duet were measured in turn."""
    if base.duet and base.duet == candidate.duet:
        return {}
    hardware = {name: (at_path(base.machine, name), at_path(candidate.machine, name)) for name in HARDWARE}
    stated = {name: pair for name, pair in hardware.items() if None not in pair or _both_state(name, base, candidate)}
    both = base.conditions.keys() | candidate.conditions.keys() if base.conditions and candidate.conditions else set()
    conditions = {name: (base.conditions.get(name), candidate.conditions.get(name)) for name in sorted(both)}
    return {name: pair for name, pair in {**stated, **conditions}.items() if pair[0] != pair[1]}


def unlike_software(base: Side, candidate: Side) -> dict[str, tuple[Any, Any]]:
    """What else differs, and may well be what is being compared: versions, commit."""
    before, after = dict(_flat(base.machine)), dict(_flat(candidate.machine))
    names = sorted(before.keys() & after.keys())
    if "environment" in base.machine and "environment" in candidate.machine:  # a variable that only one side sets is a difference too
        names = sorted({*names, *(name for name in before.keys() | after.keys() if name.startswith("environment."))})
    found = {name: (before.get(name, "unset"), after.get(name, "unset")) for name in names if not name.startswith(_PASSING)}
    commits = tuple(_commit(side) for side in (base, candidate))
    return {name: pair for name, pair in {**found, "commit": (commits[0], commits[1])}.items() if pair[0] != pair[1]}


def _both_state(name: str, base: Side, candidate: Side) -> bool:
    """A limit that one machine has and the other has not is a difference, where both were asked."""
    return name == "container.cpu_limit" and "container" in base.machine and "container" in candidate.machine


def _commit(side: Side) -> str:
    return str(side.commit.get("hash", "unknown"))[:10] + ("+" if side.commit.get("dirty") else "")


def at_path(table: Mapping[str, Any], path: str) -> Any:
    """What lies at a dotted path of a machine; the names of a list of parts; None where nothing does."""
    found: Any = table
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return [one.get("name") for one in found if isinstance(one, Mapping)] if isinstance(found, list) else found


def _flat(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{key}.")
        elif not isinstance(value, list):
            yield f"{path}{key}", value
