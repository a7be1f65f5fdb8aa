"""Which runs of a folder may be removed, by age and count."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rnnbench.errors import CannotWrite, RnnbenchError
from rnnbench.files import RUN_FILE, read_run
from rnnbench.runs.conduct import LOCK
from rnnbench.runs.lock import Busy, held


@dataclass(frozen=True, slots=True)
class Old:
    """A run that may be removed: its folder, start time and size."""

    folder: Path
    started: datetime
    size_bytes: int


def old_runs(results: Path, *, keep: int, older_than_days: float | None) -> list[Old]:
    """Runs beyond the newest `keep` that are older than `older_than_days`. A run that cannot be read or dated is kept."""
    found: list[tuple[datetime, str, Path]] = []
    for path in results.glob(f"*/{RUN_FILE}"):
        try:
            started = datetime.fromisoformat(read_run(path.parent)[0].started_utc)
        except (RnnbenchError, ValueError):
            continue
        found.append((started if started.tzinfo else started.replace(tzinfo=UTC), path.parent.name, path.parent))
    found.sort(reverse=True)
    limit = None if older_than_days is None else datetime.now(UTC) - timedelta(days=older_than_days)
    return [
        Old(folder, started, sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()))
        for started, _, folder in found[keep:]
        if (limit is None or started < limit) and not folder.is_symlink() and not _busy(folder)
    ]


def remove(one: Old) -> bool:
    """Remove a run's folder, unless the run is in progress. Returns whether it was removed."""
    try:
        with held(f"run {one.folder.name!r}", one.folder / LOCK):
            (one.folder / RUN_FILE).unlink()  # without run.json it is not a run, even if the removal is interrupted
            shutil.rmtree(one.folder)
    except Busy:
        return False
    except OSError as error:
        raise CannotWrite(one.folder, error.strerror or error) from None
    return True


def _busy(folder: Path) -> bool:
    """Whether a run is in progress in the folder. No lock file is created to find out."""
    if not (folder / LOCK).exists():
        return False
    try:
        with held(f"run {folder.name!r}", folder / LOCK):
            return False
    except (Busy, CannotWrite):
        return True
