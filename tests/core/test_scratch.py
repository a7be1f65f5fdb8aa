"""Folders for a moment: gone after their block, swept after a kill, and nobody else's is touched."""

import ast
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import rnnbench
from rnnbench.scratch import PREFIX, scratch, sweep

HOLD = "from rnnbench.scratch import scratch\nimport time\nwith scratch() as place:\n    print(place, flush=True)\n    time.sleep(60)\n"


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A temporary folder of the test's own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_gone_after_its_block(temporary):
    """Nothing is left, whatever was written and however the block ends."""
    with contextlib.suppress(KeyError), scratch() as place:
        (place / "a" / "b").mkdir(parents=True)
        raise KeyError
    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_what_is_held_is_not():
    """A living process's folder outlives any sweep; once it is killed, the next one's sweep removes it."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    place = Path(process.stdout.readline().strip())
    sweep(young_s=0)
    assert place.is_dir()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    sweep()
    assert place.is_dir(), "too young to be nobody's"
    os.utime(place, (0, 0))
    with scratch():
        assert not place.exists()


def test_names_of_others_are_left_alone(temporary):
    """Folders of other names, files and links are not ours to remove."""
    (temporary / "rnnbench-report").mkdir()
    (temporary / f"{PREFIX}x").mkdir()
    (temporary / f"{PREFIX}abcdefgh").write_text("mine")
    (temporary / f"{PREFIX}ijklmnop").symlink_to("rnnbench-report")
    sweep(young_s=0)
    assert len(list(temporary.iterdir())) == 4


def test_no_part_makes_temporary_folders_of_its_own():
    """All of the package's temporary folders come from here, so that all are swept."""
    package = Path(rnnbench.__file__).parent
    for path in sorted(package.rglob("*.py")):
        called = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
        if path != package / "scratch.py":
            assert not called & {"tempfile.mkdtemp", "tempfile.TemporaryDirectory", "mkdtemp", "TemporaryDirectory"}, path
