"""A history over another tool's folder or page."""

import json

import pytest

from rnnbench.errors import BadResults
from rnnbench.gate.history import history
from rnnbench.gate.source import Folder, source_at
from tests.gate.foreign.files import entry, put, session
from tests.gate.sides import STEP, times


def test_a_history_is_read_from_another_tools_folder(tmp_path):
    """Each session is a point in order of its own time, with its commit; a copy counts once; what cannot be read is told."""
    root = tmp_path / ".benchmarks" / "Linux-CPython-3.11-64bit"
    for index, value in enumerate([*times(1, 8), *times(2, 8, factor=1.5)]):
        data = {**session(stats={"median": value}, commit=f"c{index:02d}"), "datetime": f"2026-01-{index + 1:02d}T00:00:00"}
        put(root / f"{20 - index:04d}_x.json", data)
    put(root / "copy.json", data)
    put(root / "other.json", {"neither": 1})
    found = history(source_at(tmp_path / ".benchmarks"), metrics=(STEP,))
    (one,) = found.series
    assert [point.run.commit for point in one.points] == [f"c{index:02d}" for index in range(16)]
    assert [change.commits for change in one.changes] == ["c07..c08"]
    assert "1 files are copies of another and count once" in found.notes
    assert any("other.json" in note and "left out" in note for note in found.notes)


def test_a_history_is_read_from_a_data_js(tmp_path):
    """Each commit of the file is a point."""
    data = {"lastUpdate": 1, "entries": {"a": [entry(f"c{index}", 1000 * index, ("t", index + 1, "s")) for index in range(4)]}}
    (tmp_path / "data.js").write_text(f"window.BENCHMARK_DATA = {json.dumps(data)}")
    (one,) = history(source_at(tmp_path / "data.js"), metrics=(STEP,)).series
    assert [(point.run.commit, point.value) for point in one.points] == [("c0", 1.0), ("c1", 2.0), ("c2", 3.0), ("c3", 4.0)]


def test_a_folder_of_caches_and_baselines_is_ours(tmp_path):
    """JSON that is no other tool's makes no foreign folder; another tool's folder cannot be reported, and says what reads it."""
    put(tmp_path / ".doctor.json", {"schema": 1})
    put(tmp_path / "baselines" / "main.json", {"schema": 1, "cases": {}})
    assert isinstance(source_at(tmp_path), Folder)
    put(tmp_path / "b" / "1.json", session())
    with pytest.raises(BadResults, match="compare and history read them"):
        source_at(tmp_path / "b").find("latest")
