"""A folder or file of another tool's results as a source of sides, for `history`: `.benchmarks`, asv's `results`, a `data.js`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from rnnbench.analysis.frames import Loaded
from rnnbench.errors import BadResults, RnnbenchError
from rnnbench.files import RUN_FILE
from rnnbench.gate.foreign import format_of, read_json, result_files, sides_of
from rnnbench.gate.foreign.merging import COMMIT, fingerprint
from rnnbench.gate.side import Side
from rnnbench.registry import is_file


class ForeignFolder:
    """Every file, and every commit in it, is a point of time. A copy of a file counts once."""

    def __init__(self, place: Path, files: Sequence[Path]) -> None:
        self.place, self.files = place, files

    @property
    def where(self) -> str:
        """The path."""
        return str(self.place)

    def runs(self) -> list[str]:
        """The files."""
        return [str(path) for path in self.files]

    def find(self, name: str) -> NoReturn:
        """There are no records to report. Raises BadResults with the commands that read such results."""
        raise BadResults(self.place, f"another tool's results hold no records, so {name!r} is no run; compare and history read them")

    def load(self, key: str) -> Loaded:
        """As `find`."""
        self.find(key)

    def sides(self, metrics: Sequence[str] | None = None, wanted: Callable[[str], bool] | None = None) -> tuple[list[Side], list[str]]:  # noqa: ARG002 - every file is read whole
        """All of them, and what could not be read or mapped."""
        found: dict[str, Side] = {}
        notes: list[str] = []
        copies = 0
        for path in self.files:
            name = str(path.relative_to(self.place)) if path != self.place else path.name
            try:
                sides = sides_of(path, read_json(path), name)
            except RnnbenchError as error:
                notes.append(f"{error}; left out")
                continue
            for side in sides:
                commit = str(side.commit.get("hash", ""))[:10]
                labelled = replace(side, label=f"{name}{COMMIT}{commit}" if len(sides) > 1 and commit else name)
                if found.setdefault(f"{fingerprint(side)} {commit}", labelled) is not labelled:
                    copies += 1
                notes += [f"{name}: {note}" for note in side.notes if note.startswith("left out")]
        if copies:
            notes.append(f"{copies} files are copies of another and count once")
        return list(found.values()), notes


def foreign_folder(place: Path) -> ForeignFolder | None:
    """The source of a place that holds results of another tool and no run of ours; none for any other."""
    if is_file(place):
        return ForeignFolder(place, [place])
    files = result_files(place) if place.is_dir() else []
    if not files or any(path.name == RUN_FILE for path in files):
        return None
    return ForeignFolder(place, files) if any(map(_known, files)) else None


def _known(path: Path) -> bool:
    try:
        return format_of(read_json(path)) is not None
    except BadResults:
        return False
