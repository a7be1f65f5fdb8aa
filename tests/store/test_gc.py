"""gc removes what it was told to and nothing else."""

import pytest

from rnnbench.runs.conduct import LOCK
from rnnbench.runs.lock import held
from rnnbench.runs.removal import old_runs, remove
from tests.gate.sides import CASE, records, write
from tests.tools import command


@pytest.fixture
def folder(tmp_path):
    """Five runs, a baseline and a folder that is no run."""
    for index in range(5):
        write(tmp_path, f"r{index}", records(CASE, [0.01]), started_utc=f"2026-01-0{index + 1}T00:00:00Z")
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines/main.json").write_text("{}")
    (tmp_path / "mine").mkdir()
    return tmp_path


def names(found):
    return sorted(one.folder.name for one in found)


def test_age_and_count_must_both_agree(folder):
    """Beyond the newest N, and older than so many days."""
    assert names(old_runs(folder, keep=3, older_than_days=None)) == ["r0", "r1"]
    assert names(old_runs(folder, keep=0, older_than_days=0)) == ["r0", "r1", "r2", "r3", "r4"]
    assert old_runs(folder, keep=0, older_than_days=90_000) == []
    assert old_runs(folder, keep=9, older_than_days=0) == []


def test_a_dry_run_is_the_default_and_baselines_stay(folder, tmp_path):
    """Without --yes nothing changes; with it the runs go, and only they."""
    done = command("gc", "--keep", "1", "--results", folder, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "would remove 4 runs" in done.out
    assert len(list(folder.glob("r*"))) == 5
    done = command("gc", "--keep", "1", "--yes", "--results", folder, cwd=tmp_path)
    assert "removed 4 runs" in done.out
    assert sorted(path.name for path in folder.iterdir()) == ["baselines", "mine", "r4"]
    assert (folder / "baselines/main.json").exists()


def test_a_run_in_progress_stays(folder):
    """Whoever holds the run's lock keeps it, also when it began after gc had looked."""
    (old, *_) = [one for one in old_runs(folder, keep=0, older_than_days=None) if one.folder.name == "r0"]
    with held("run", folder / "r0" / LOCK):
        assert "r0" not in names(old_runs(folder, keep=0, older_than_days=None))
        assert not remove(old)
    assert (folder / "r0/run.json").exists()
    assert remove(old)
    assert not (folder / "r0").exists()
