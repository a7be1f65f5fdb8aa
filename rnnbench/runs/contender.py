"""One side of a duet: an interpreter, a revision or settings, with its warm fork server."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rnnbench.errors import BadValue, RnnbenchError, UsageError
from rnnbench.runs.processes.client import Event, ForkServer
from rnnbench.runs.worktree import repository, there, worktree

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class CannotMeasure(RnnbenchError):
    """An interpreter or a revision that does not start, or speaks another version's protocol."""

    def __init__(self, label: str, why: object) -> None:
        super().__init__(f"{label} cannot measure: {why}; it needs torch and this version of rnnbench")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """What sets one side apart. `sets` are its own overrides, `variables` its own environment variables; `root` and `place` are the
    checkout and the revision's worktree."""

    side: str
    label: str
    python: str = sys.executable
    sets: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None
    place: Path | None = None

    def file(self, path: Path) -> str:
        """A user's file as this side has it."""
        return str(there(path, self.root, self.place) if self.root and self.place else path.resolve())

    @property
    def folder(self) -> Path:
        """Where its code lies, as far as it has a place of its own."""
        return self.place or Path.cwd()

    def server(self, log: Path, more: Mapping[str, str]) -> ForkServer:
        """A fork server of its interpreter and its code."""
        try:
            return ForkServer(log, python=self.python, environment={**more, **self._path(), **self.variables})
        except OSError as error:
            raise UsageError(f"interpreter {self.python!r} cannot be started: {error.strerror or error}") from None

    def _path(self) -> dict[str, str]:
        return _path_of(self.place) if self.place else {}

    def survey(self, server: ForkServer, device: str | None, plugins: tuple[str, ...], log: Path) -> Event:
        """Its machine, versions and variants."""
        try:
            return server.ask("survey", {"device": device, "plugins": plugins}, log)
        except UsageError:
            raise
        except RnnbenchError as error:
            raise CannotMeasure(self.label, error) from None


@contextlib.contextmanager
def contender(
    side: str, *, python: str | None = None, revision: str | None = None, sets: tuple[str, ...] = (), variables: tuple[str, ...] = ()
) -> Iterator[Contender]:
    """One side as the user named it. A revision's worktree lives as long as the block."""
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
    """NAME=VALUE of the environment. Raises BadValue for what is none."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not _NAME.fullmatch(name) or "\0" in value:
            raise BadValue("environment", text, "NAME=VALUE, for instance OMP_PROC_BIND=true")
        found[name] = value
    return found


def _path_of(place: Path) -> dict[str, str]:
    """The revision's packages come before what is installed."""
    folders = [place / "src", place] if (place / "src").is_dir() else [place]
    known = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join([*map(str, folders), *([known] if known else [])]), "PYTHONSAFEPATH": "1"}
