"""What a user may name as a side: a run, a folder, `baseline:NAME`, another tool's file or folder.

`@COMMIT` after a file or folder that holds several commits chooses one: `data.js@1a2b3c4`, `.benchmarks@1a2b3c4`.
"""

from pathlib import Path

from rnnbench.files import RUN_FILE
from rnnbench.gate.baseline import read_baseline, read_baseline_file
from rnnbench.gate.foreign import SUFFIXES, format_of, read_json, result_files, side_of_file, side_of_folder
from rnnbench.gate.foreign.merging import COMMIT
from rnnbench.gate.side import Side, side_of_run
from rnnbench.gate.source import Source, as_source
from rnnbench.registry import is_file, is_folder

BASELINE = "baseline:"


def side(name: str, results: Path, source: Source | None = None) -> Side:
    """The side of a name; runs come from `source` where there is one. Raises what is wrong with it, in a sentence."""
    if name.startswith(BASELINE):
        return read_baseline(results, name.removeprefix(BASELINE))
    path, commit = _place(name)
    if path.suffix.lower() in SUFFIXES or (path.suffix and is_file(path)):
        return _of_file(name, path, commit)
    if is_folder(path) and not (path / RUN_FILE).exists() and (files := _foreign(path)):
        return side_of_folder(name, path, files, commit)
    found = source or as_source(results)
    return side_of_run(found.load(found.find(name)))


def _place(name: str) -> tuple[Path, str]:
    """A path, and the commit that follows it where the whole is no path of its own."""
    path, mark, commit = name.rpartition(COMMIT)
    whole = Path(name)
    if mark and path and commit and not is_file(whole) and not is_folder(whole) and (is_file(Path(path)) or is_folder(Path(path))):
        return Path(path), commit
    return whole, ""


def _foreign(folder: Path) -> list[Path]:
    """Files of other tools in a folder that holds no runs of ours."""
    files = result_files(folder)
    return [] if any(path.name == RUN_FILE for path in files) else files


def _of_file(name: str, path: Path, commit: str) -> Side:
    data = read_json(path)
    if format_of(data) is None and isinstance(data, dict) and "cases" in data:
        return read_baseline_file(path)
    return side_of_file(name, path, data, commit)
