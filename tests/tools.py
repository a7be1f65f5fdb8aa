"""What several tests need: small cases, and the command line as a user starts it."""

import atexit
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnbench.case import Case
from rnnbench.files import read_run
from rnnbench.record import Record, Run
from rnnbench.scratch import scratch
from tests.limits import hung_s

ROOT = Path(__file__).resolve().parents[1]
SUITES = ROOT / "suites"
SMALL = {"depth": 1, "hidden_size": 8, "input_size": 8, "batch_size": 2, "seq_len": 3}
_KEPT = ExitStack()
LOCKS = _KEPT.enter_context(scratch())  # runs of others on this machine are not waited for
atexit.register(_KEPT.close)  # a session that is killed leaves it to the next one's sweep
QUICK = ("--preset", "quick", "--case-budget", "0.02", "--min-rounds", "3")


def small_case(**fields: Any) -> Case:
    """A case that runs in a moment."""
    return Case(**{"suite": "test", **SMALL, **fields})


def record(case: Case | None = None, **fields: Any) -> Record:
    """A measured record."""
    return Record(case=case or small_case(), **{"status": "ok", "times_s": (0.1, 0.2), "metrics": {"step_time_s": 0.15}, **fields})


def run(**fields: Any) -> Run:
    """A run without records."""
    plain: dict[str, Any] = {"id": "20260101T000000Z-test-0000", "suites": (), "arguments": {}, "machine": {}, "commit": {}}
    return Run(**{**plain, "started_utc": "2026-01-01T00:00:00.000Z", **fields})


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, Any]:
        """What `--json` printed."""
        return json.loads(self.out)


def git(root: Path, *words: str) -> str:
    """What git printed, with an identity for commits. Raises where it fails."""
    command_ = ("git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org", *words)
    return subprocess.run(command_, capture_output=True, text=True, check=True).stdout.strip()


def toy_plugin() -> Path:
    """The plugin that brings the toy accelerator; the test is skipped where torch takes no such device."""
    import tests.toy  # noqa: F401 - it skips where it cannot be

    return ROOT / "tests/toy/plugin.py"


def environment(**more: str) -> dict[str, str]:
    """This process's, without what pytest put there, and with a terminal wide enough that no line is broken."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**plain, "COLUMNS": "200", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", "RNNBENCH_LOCKS": str(LOCKS), **more}


def command(*words: object, cwd: Path, **more: str) -> Ended:
    """`rnnbench …` in a folder, as a process of its own. `more` are environment variables."""
    return ended(sys.executable, "-m", "rnnbench", *words, cwd=cwd, **more)


def ended(*words: object, cwd: Path, **more: str) -> Ended:
    """Any program, in a folder."""
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=hung_s(), check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def bare(folder: Path, *words: object, **more: str) -> Ended:
    """Plain pytest with our plugin, in a folder. `more` are environment variables."""
    return ended(sys.executable, "-m", "pytest", "-p", "rnnbench.measure.plugin", "-p", "no:cacheprovider", *words, cwd=folder, **more)


def only_run(folder: Path) -> tuple[Path, Run]:
    """The one run of a results folder, which holds no damaged line."""
    (home,) = (one.parent for one in folder.glob("*/run.json"))
    found, damage = read_run(home)
    assert not damage
    return home, found
