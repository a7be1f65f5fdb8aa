"""Results of other tools as sides, one format a file. docs/formats.md states how each is mapped."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rnnbench import bounded
from rnnbench.errors import BadResults
from rnnbench.gate.foreign import asv, bmf, github_action, google_benchmark, hyperfine, pytest_benchmark
from rnnbench.gate.foreign.merging import merged, of_commit
from rnnbench.gate.foreign.shapes import Misshapen
from rnnbench.gate.side import Side

SUFFIXES = (".json", ".js")


@dataclass(frozen=True, slots=True)
class Format:
    """How another tool's file is known, and its sides: several where a file holds several commits, oldest first."""

    name: str
    fits: Callable[[Any], bool]
    sides: Callable[[str, Path, Any], list[Side]]


FORMATS = tuple(Format(one.KIND, one.fits, one.sides) for one in (pytest_benchmark, google_benchmark, asv, hyperfine, github_action, bmf))


def read_json(path: Path) -> Any:
    """The value of a JSON file, or of the JSON within a data.js. Raises BadResults."""
    try:
        return bounded.parse(github_action.script(bounded.text(path)))
    except FileNotFoundError:
        raise BadResults(path, "there is no such file") from None
    except bounded.NotText as error:
        raise BadResults(path, str(error)) from None
    except OSError as error:
        raise BadResults(path, error.strerror or str(error)) from None
    except ValueError as error:
        raise BadResults(path, f"not JSON ({error})") from None


def format_of(data: Any) -> Format | None:
    """The format that a value looks like; none where it looks like none."""
    return next((one for one in FORMATS if one.fits(data)), None)


def sides_of(path: Path, data: Any, label: str = "") -> list[Side]:
    """The sides of a file, empty ones left out. Raises BadResults where it is of no known format, or not whole."""
    found = format_of(data)
    if found is None:
        raise BadResults(path, f"none of {', '.join(one.name for one in FORMATS)}, and no baseline")
    try:
        return [side for side in found.sides(label or str(path), path, data) if side.cases or side.notes]
    except Misshapen as error:
        raise BadResults(path, f"{found.name}'s, but {error}") from None


def side_of_file(label: str, path: Path, data: Any, commit: str = "") -> Side:
    """The one side of a file; the newest commit's, or that of `commit`, where it holds several."""
    sides = of_commit({path: sides_of(path, data, label)}, commit, path)[path]
    if not sides:
        raise BadResults(path, "it holds no benchmark")
    newest = sides[-1]
    if len(sides) == 1:
        return newest
    note = f"the newest of {len(sides)} commits, {str(newest.commit.get('hash', ''))[:10]}; name another as {path.name}@COMMIT"
    return replace(newest, notes=(*newest.notes, note))


def side_of_folder(label: str, folder: Path, files: Iterable[Path], commit: str = "") -> Side:
    """The files of one tool in a folder as one side, each with its processes."""
    found: dict[Path, list[Side]] = {}
    kinds: dict[str, Path] = {}
    for path in files:
        sides = sides_of(path, read_json(path), label)
        if sides:
            found[path] = sides
            kinds.setdefault(sides[0].kind, path)
    if len(kinds) > 1:
        told = " and ".join(f"{path.name} is {kind}'s" for kind, path in list(kinds.items())[:2])
        raise BadResults(folder, f"{told}: a folder holds the results of one tool")
    chosen = of_commit(found, commit, folder)
    return merged(label, folder, {path: sides[-1] for path, sides in chosen.items()})


def result_files(folder: Path) -> list[Path]:
    """Files that may hold another tool's results, in a folder and those within it: `.benchmarks`, asv's `results`."""
    places = [folder, *sorted(one for one in _entries(folder) if one.is_dir() and not one.is_symlink())]
    files = [one for place in places for one in _entries(place) if one.suffix.lower() in SUFFIXES and one.name not in asv.SKIPPED_FILES]
    return sorted(one for one in files if one.is_file())


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


__all__ = ["FORMATS", "Format", "format_of", "read_json", "result_files", "side_of_file", "side_of_folder", "sides_of"]
