"""One side of a duet: an interpreter, a revision or settings, and its fork server."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rnnbench.errors import BadValue, RnnbenchError, UsageError
from rnnbench.runs.processes.client import Event, ForkServer
from rnnbench.runs.source_roots import check_origins, source_roots
from rnnbench.runs.worktree import repository, there, worktree

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class CannotMeasure(RnnbenchError):
    """An interpreter or a revision that does not start, or uses another version's protocol."""

    def __init__(self, label: str, why: object) -> None:
        super().__init__(f"{label} cannot measure: {why}; it needs torch and this version of rnnbench")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One side and how it differs: `sets` are its own overrides and `variables` its own environment variables. `root` is the user's
    checkout and `place` the revision's worktree."""

    side: str
    label: str
    python: str = sys.executable
    sets: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None
    place: Path | None = None

    def file(self, path: Path) -> str:
        """The path of a user's file on this side."""
        return str(there(path, self.root, self.place) if self.root and self.place else path.resolve())

    @property
    def folder(self) -> Path:
        """The folder of this side's code, if it has its own."""
        return self.place or Path.cwd()

    def server(self, log: Path, more: Mapping[str, str]) -> ForkServer:
        """A fork server with this side's interpreter and code. Raises UsageError if the interpreter does not start."""
        try:
            return ForkServer(log, python=self.python, environment={**more, **self._path(), **self.variables})
        except OSError as error:
            raise UsageError(f"interpreter {self.python!r} cannot be started: {error.strerror or error}") from None

    def _path(self) -> dict[str, str]:
        return _path_of(self.place) if self.place else {}

    def survey(self, server: ForkServer, device: str | None, plugins: tuple[str, ...], log: Path) -> Event:
        """This side's machine, versions and variants, from a child of its server. Raises UsageError if a package is not the revision's."""
        try:
            found = server.ask("survey", {"device": device, "plugins": plugins}, log)
        except UsageError:
            raise
        except RnnbenchError as error:
            raise CannotMeasure(self.label, error) from None
        if self.place:
            check_origins(self.label, self.place, found.get("modules", {}))
        return found


@contextlib.contextmanager
def contender(
    side: str, *, python: str | None = None, revision: str | None = None, sets: tuple[str, ...] = (), variables: tuple[str, ...] = ()
) -> Iterator[Contender]:
    """One side of a duet, as the user described it. A revision's worktree exists only during the block."""
    named = [f"python {python}"] if python else []
    named += [f"revision {revision}"] if revision else []
    label = f"{side}: {', '.join([*named, *sets, *variables]) or 'as it is'}"
    own = _variables(variables)
    with contextlib.ExitStack() as stack:
        root = repository(Path.cwd()) if revision else None
        place = stack.enter_context(worktree(root, revision)) if root and revision else None
        yield Contender(
            side=side,
            label=label,
            python=python or sys.executable,
            sets=sets,
            variables=own,
            root=root,
            place=place,
        )


def _variables(texts: tuple[str, ...]) -> dict[str, str]:
    """Environment variables from NAME=VALUE texts. Raises BadValue for any other text."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not _NAME.fullmatch(name) or "\0" in value:
            raise BadValue("environment", text, "NAME=VALUE, for instance OMP_PROC_BIND=true")
        found[name] = value
    return found


def _path_of(place: Path) -> dict[str, str]:
    """PYTHONPATH that puts the revision's packages before installed ones."""
    known = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join([*map(str, source_roots(place)), *([known] if known else [])]), "PYTHONSAFEPATH": "1"}
