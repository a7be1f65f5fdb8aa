"""Where runs come from: a folder of them, or a store. Whatever reads runs takes a Source and cannot tell which it is."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from rnnbench.analysis.frames import Loaded, load_runs
from rnnbench.errors import BadResults, RnnbenchError
from rnnbench.files import RUN_FILE, find_run
from rnnbench.gate.side import Side, side_of_run
from rnnbench.store.opening import INDEX_FILE

Wanted = Callable[[str], bool]


class Source(Protocol):
    """Runs by their keys: a folder's path, or a number in a store."""

    @property
    def where(self) -> str:
        """For messages, without secrets."""

    def runs(self) -> list[str]:
        """Every run."""

    def find(self, name: str) -> str:
        """The key of a run's id, of the beginning of one, or of `latest`. Raises UnknownName."""

    def load(self, key: str) -> Loaded:
        """A run with its records. Raises BadResults."""

    def sides(self, metrics: Sequence[str] | None = None, wanted: Wanted | None = None) -> tuple[list[Side], list[str]]:
        """All runs as sides, and what could not be read. At least these metrics (all where None) of at least the wanted cases."""


class Folder:
    """A results folder."""

    def __init__(self, results: Path) -> None:
        self.results = results

    @property
    def where(self) -> str:
        """The folder's path."""
        return str(self.results)

    def runs(self) -> list[str]:
        """The runs' folders."""
        return [str(path.parent) for path in sorted(self.results.glob(f"*/{RUN_FILE}"))] if self.results.is_dir() else []

    def find(self, name: str) -> str:
        """As `find_run`; the path of any folder will do too."""
        return str(find_run(name, self.results).resolve())

    def load(self, key: str) -> Loaded:
        """The run of a folder."""
        return load_runs([key])[0]

    def sides(self, metrics: Sequence[str] | None = None, wanted: Wanted | None = None) -> tuple[list[Side], list[str]]:  # noqa: ARG002 - every file is read whole
        """Every record is read; of each run only its figures are kept."""
        found: list[Side] = []
        notes: list[str] = []
        for key in self.runs():
            try:
                found.append(side_of_run(self.load(key)))
            except BadResults as error:
                notes.append(f"{error}; left out")
        return found, notes


def as_source(results: Path | Source) -> Source:
    """A folder as a source; a source as it is."""
    return Folder(results) if isinstance(results, Path) else results


def source_at(results: Path, address: str = "", *, warm: bool = False) -> Source:
    """The store of an address, else the folder, which may be another tool's. With `warm` the folder's index is brought up to date and read
    where there is one."""
    from rnnbench.gate.foreign.source import foreign_folder
    from rnnbench.gate.store_source import StoreSource

    if address:
        return StoreSource.at(address)
    if (found := foreign_folder(results)) is not None:
        return found
    index = results / INDEX_FILE
    if not warm or not index.is_file():
        return Folder(results)
    from rnnbench.gate.index import refreshed

    try:
        return refreshed(results)
    except RnnbenchError:  # an index can be made anew at any time: files are the truth
        return Folder(results)
