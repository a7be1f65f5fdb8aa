"""Which code was measured: the git commit of a folder."""

import subprocess
from pathlib import Path
from typing import Any


def commit(folder: Path) -> dict[str, Any]:
    """Hash, branch and dirtiness of the git checkout that `folder` lies in; empty where it lies in none."""

    def git(*words: str) -> str:
        command = ("git", *words)
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10, check=True).stdout.strip()  # noqa: S603

    try:
        return {
            "hash": git("rev-parse", "HEAD"),
            "branch": git("rev-parse", "--abbrev-ref", "HEAD"),
            "dirty": bool(git("status", "--porcelain")),
        }
    except (OSError, subprocess.SubprocessError):
        return {}
