"""What a user may name as a side: a run, a folder, `baseline:NAME`, a JSON file of pytest-benchmark or asv, or a folder of them."""

import json
from pathlib import Path
from typing import Any

from rnnbench.analysis.baseline import read_baseline, read_baseline_file
from rnnbench.analysis.foreign import asv_side, is_asv, is_pytest_benchmark, pytest_benchmark_side
from rnnbench.analysis.side import Side, side_of_run
from rnnbench.analysis.source import Source, as_source
from rnnbench.bounded import text
from rnnbench.errors import BadResults
from rnnbench.files import RUN_FILE
from rnnbench.registry import is_folder

BASELINE = "baseline:"


def side(name: str, results: Path, source: Source | None = None) -> Side:
    """The side of a name; runs come from `source` where there is one. Raises what is wrong with it, in a sentence."""
    if name.startswith(BASELINE):
        return read_baseline(results, name.removeprefix(BASELINE))
    path = Path(name)
    if name.endswith(".json"):
        return _of_file(name, path)
    if is_folder(path) and not (path / RUN_FILE).exists() and (files := sorted(path.glob("*.json"))):
        return _of_folder(name, files)
    found = source or as_source(results)
    return side_of_run(found.load(found.find(name)))


def _of_file(name: str, path: Path) -> Side:
    data = _json(path)
    if is_pytest_benchmark(data):
        return pytest_benchmark_side(name, {path: data})
    if is_asv(data):
        return asv_side(name, path, data)
    if isinstance(data, dict) and "cases" in data:
        return read_baseline_file(path)
    raise BadResults(path, "neither pytest-benchmark's JSON, nor asv's, nor a baseline")


def _of_folder(name: str, files: list[Path]) -> Side:
    """One file a process."""
    found = {path: _json(path) for path in files}
    for path, data in found.items():
        if not is_pytest_benchmark(data):
            raise BadResults(path, "a folder of sessions holds pytest-benchmark's JSON only")
    return pytest_benchmark_side(name, found)


def _json(path: Path) -> Any:
    try:
        return json.loads(text(path))
    except FileNotFoundError:
        raise BadResults(path, "there is no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadResults(path, f"not JSON ({error})") from None
