"""Finding suites: shipped suites by name, a user's own by path."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import rnnbench
from rnnbench.applies import declared_of
from rnnbench.case import OWN_BLANK, OWN_PHASES, SHAPE, Case
from rnnbench.choose import parse_set, selector
from rnnbench.errors import BadPlugin, BadValue, UnknownName, UsageError
from rnnbench.own_model import SUITE_FILE, is_own, placed, variant_of
from rnnbench.registry import is_file, load_file, user_path
from rnnbench.suite import Suite, choose, grid


@dataclass(frozen=True, slots=True)
class Found:
    """A suite and the file that defines it. `own` names the user's own model if the suite measures one."""

    suite: Suite
    path: Path
    own: str = ""


def suites_folder() -> Path:
    """The folder of the shipped suites: inside the installed package, or next to it in a clone."""
    package = Path(rnnbench.__file__).parent
    inside = package / "suites"
    return inside if inside.is_dir() else package.parent / "suites"


def shipped() -> dict[str, Path]:
    """The files of the shipped suites, by name."""
    return {path.stem.removeprefix("bench_"): path for path in sorted(suites_folder().glob("bench_*.py"))}


def find(name: str) -> Found:
    """The suite with this name, or in this bench_*.py file. Raises UnknownName or BadPlugin."""
    known = shipped()
    if name in known:
        return _load(known[name])
    if is_own(name):
        return replace(_load(SUITE_FILE), own=name)
    path = user_path(name)
    if path.suffix == ".py" or is_file(path):
        if not is_file(path):
            raise BadPlugin(name, "there is no such file")
        return _load(path.resolve())
    raise UnknownName("suite", name, [*known, "path/to/bench_mine.py", "mypkg.models:make"])


def _load(path: Path) -> Found:
    suite = getattr(load_file(path), "SUITE", None)
    if not isinstance(suite, Suite):
        raise BadPlugin(path, "it defines no SUITE = Suite(…)")
    if not path.name.startswith("bench_"):
        raise BadPlugin(path, "a suite file's name starts with bench_")
    return Found(suite, path)


def plugins_of(found: Iterable[Found], plugins: Iterable[str], where: Callable[[Path], str | Path] = Path.resolve) -> tuple[str, ...]:
    """What the measuring processes have to load: the user's plugins and own models. `where` maps a file to its path in those processes."""
    named = [*plugins, *(one.own for one in found if one.own)]
    return tuple(dict.fromkeys(placed(one, where) for one in named))


def with_axes(found: Sequence[Found], survey: Mapping[str, Any], sets: Sequence[str]) -> tuple[Found, ...]:
    """The suites; those of own models get the axes that a measuring process found among their factories' parameters.

    Raises UsageError for an axis that a factory does not take: its cases would all be the same.
    """
    axes: Mapping[str, Mapping[str, Any]] = survey.get("own", {})
    overrides = parse_set(sets, declared_of(survey["variants"])) if any(one.own for one in found) else {}
    for one in found:
        if one.own:
            _check_taken(one.own, axes[variant_of(one.own)], overrides)
    return tuple(replace(one, suite=_own_suite(one.suite, one.own, axes[variant_of(one.own)])) if one.own else one for one in found)


def _own_suite(suite: Suite, own: str, axes: Mapping[str, Any]) -> Suite:
    """The suite of own models, for this model."""
    x, hue = ("batch_size", "precision") if "batch_size" in axes else ("precision", "phase")
    cases = grid(**{**dict.fromkeys(OWN_BLANK), "variant": variant_of(own), "phase": ("forward", "train"), **axes})
    return replace(suite, title=variant_of(own), x=x, hue=hue, cases=cases)


def _check_taken(own: str, axes: Mapping[str, Any], overrides: Mapping[str, tuple[Any, ...]]) -> None:
    for name in overrides:
        if name in (*SHAPE, "bidirectional", "implementation") and name not in axes:
            takes = ", ".join(axes) or "none of these"
            raise UsageError(f"--set {name}: {own} has no parameter {name!r}, so every case would be the same; it takes: {takes}")
        if name in ("task", "processes", "accumulation", "lengths", "packing"):
            raise UsageError(f"--set {name} is for built-in variants; {own} brings its own data and is measured in one process")
    for phase in overrides.get("phase", ()):
        if phase not in OWN_PHASES:
            raise BadValue("phase", phase, f"a model of your own is measured in {', '.join(OWN_PHASES)}")


def chosen(
    suites: Sequence[Suite], device: str, preset: str, sets: Sequence[str], select: str, survey: Mapping[str, Any]
) -> tuple[tuple[Case, ...], tuple[str, ...]]:
    """The cases that `--set` and `--select` choose from these suites, given a survey's variants, and sentences about what `--set` did."""
    declared = declared_of(survey["variants"])
    return choose(suites, device, preset, parse_set(sets, declared), selector(select, declared), declared)
