"""Only the cases that rest on what changed since a revision."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rnnbench
from rnnbench.case import FIXED_LENGTHS, Case
from rnnbench.errors import EXIT_OK, RnnbenchError
from rnnbench.own_data import is_data
from rnnbench.own_lengths import is_lengths
from rnnbench.own_model import PARCEL, is_own, parts_of, variant_of
from rnnbench.registry import user_path
from rnnbench.runs.catalog import Found
from rnnbench.runs.imports import ImportGraph
from rnnbench.runs.source_roots import source_roots
from rnnbench.runs.worktree import Changes, changes_since, repository

CANARY = "canary"
_BUILD = re.compile(
    r"pyproject\.toml|setup\.(py|cfg)|\.python-version|Pipfile|environment\.ya?ml|(requirements|constraints).*\.(txt|in)"
    r"|(uv|poetry|pdm|pixi|Pipfile|conda.*|requirements.*)\.lock"
)
_COMPILED = (".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".pyx", ".pxd", ".rs", ".so", ".pyd")
_MEASURES = ("measure", "device", "runs")
_SHOWN = 3


class NothingChangedError(RnnbenchError):
    """No case rests on what changed: there is nothing to measure, and nothing is wrong."""

    exit_code = EXIT_OK


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The cases that are measured and those that are left out, since which commit, and in words why."""

    kept: tuple[Case, ...]
    left_out: tuple[Case, ...]
    revision: str
    commit: str
    why: str

    def about(self) -> dict[str, Any]:
        """What run.json says of it."""
        return {"revision": self.revision, "commit": self.commit, "why": self.why, "left_out": [str(case) for case in self.left_out]}

    def sentence(self) -> str:
        """What is measured and what is not."""
        total = len(self.kept) + len(self.left_out)
        if not self.left_out:
            return f"--since {self.revision}: every case is measured: {self.why}"
        kept = f"{len(self.kept)} of {total} cases rest on what changed since {self.commit[:10]} ({self.why})"
        return f"--since {self.revision}: {kept}; the other {len(self.left_out)} are left out (--all measures them too)"


def narrowed(
    cases: Sequence[Case], revision: str, found: Sequence[Found], plugins: Sequence[str], survey: Mapping[str, Any], results: Path
) -> Narrowed:
    """Keep the cases whose suite, variant, task, plugin or own model changed since `revision`, or something that these import.

    Files below `results` are rnnbench's own and count for nothing. Raises NothingChangedError if no case is left, and UsageError for what
    is no revision of this checkout."""
    root = repository(Path.cwd())
    changes = changes_since(root, revision, results.absolute())
    if why := _everything(root, changes):
        return Narrowed(tuple(cases), (), revision, changes.base, why)
    rests = _Rests(root, found, plugins, survey)
    because: dict[Case, str] = {case: why for case in cases if (why := rests.touched(case, changes))}
    if because:
        because |= {case: "the canary is always measured" for case in cases if case.suite == CANARY}
    kept = tuple(case for case in cases if case in because)
    if not kept:
        raise NothingChangedError(
            f"nothing that the {len(cases)} cases rest on changed since {revision} ({changes.base[:10]}): nothing is measured."
            " --all measures them all the same"
        )
    named = list(dict.fromkeys(why for case, why in because.items() if case.suite != CANARY or len(because) == 1))
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    left_out = tuple(case for case in cases if case not in because)
    return Narrowed(kept, left_out, revision, changes.base, "; ".join(named[:_SHOWN]) + more)


def _everything(root: Path, changes: Changes) -> str:
    """Why any case may have changed, as far as no import can show it; empty where none is known to."""
    for path in changes.paths:
        file = root / path
        if _BUILD.fullmatch(path.name):
            return f"{path} changed, which may change any of them"
        if path.suffix in _COMPILED:
            return f"{path} changed, and no import shows who runs it"
        if path.suffix == ".py" and not file.exists():
            return f"{path} is gone, and no import shows who used it"
        if path.suffix not in ("", ".py", ".md", ".rst") and (file.parent / "__init__.py").is_file():
            return f"{path} changed, a package's file that any of its modules may read"
        if _measures(file):
            return f"{path} changed, a part of rnnbench that measures every case"
    return ""


def _measures(file: Path) -> bool:
    home = Path(rnnbench.__file__).resolve().parent
    if not file.resolve().is_relative_to(home):
        return False
    parts = file.resolve().relative_to(home).parts
    return len(parts) == 1 or parts[0] in _MEASURES


class _Rests:
    """What each case rests on, by files of the repository."""

    def __init__(self, root: Path, found: Sequence[Found], plugins: Sequence[str], survey: Mapping[str, Any]) -> None:
        self._root = root
        self._graph = ImportGraph(root, source_roots(root))
        self._suites = {one.suite.name: one.path for one in found}
        self._plugins = [user_path(one) for one in plugins if not is_own(one)]
        self._own = {variant_of(one): self._home(one) for one in plugins if is_own(one) and not one.endswith(PARCEL)}
        self._variants = {str(one["name"]): str(one.get("file", "")) for one in survey["variants"]}
        self._tasks: Mapping[str, str] = survey.get("task_files", {})

    def touched(self, case: Case, changes: Changes) -> str:
        """The changed file that a case rests on; empty where there is none."""
        reached = self._graph.reached(self._files(case))
        for path in changes.paths:
            if (self._root / path).resolve() in reached.files:
                return f"{path} changed"
        code = next((path for path in changes.paths if path.suffix == ".py"), None)
        if reached.unseen and code:
            return f"{code} changed, and {reached.unseen} may import it: it names modules at run time"
        return ""

    def _files(self, case: Case) -> Iterator[Path]:
        yield self._suites[case.suite]
        if case.variant in self._own:
            yield from self._own[case.variant]
        else:
            yield from self._origin(self._variants.get(case.variant, ""))
        if case.task is not None:
            yield from self._origin(self._tasks.get(case.task, ""))
            yield from (one for one in self._plugins if is_data(one))
        if case.lengths != FIXED_LENGTHS:
            yield from (one for one in self._plugins if is_lengths(one))

    def _origin(self, file: str) -> Iterator[Path]:
        """The file that registered a thing; every plugin where that file is not of this machine."""
        if file and Path(file).exists():
            yield Path(file)
        else:
            yield from self._plugins

    def _home(self, own: str) -> list[Path]:
        home, _ = parts_of(own)
        return [user_path(home)] if home.endswith(".py") else self._graph.module(home)
