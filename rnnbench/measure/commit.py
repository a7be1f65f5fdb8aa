"""Which code was measured: the git commit of a folder."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any


def commit(folder: Path) -> dict[str, Any]:
    """Hash and branch of the git checkout that contains `folder`, and changes of tracked files; empty outside a checkout.

    Untracked files, for instance results, do not count as changes.
    """

    def git(*words: str) -> str:
        command = ("git", *words)
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10, check=True).stdout.strip()  # noqa: S603

    try:
        known = {"hash": git("rev-parse", "HEAD"), "branch": git("rev-parse", "--abbrev-ref", "HEAD")}
        changes = git("diff", "HEAD", "--no-ext-diff", "--no-color", "--binary")
    except (OSError, subprocess.SubprocessError):
        return {}
    told = {"changes": hashlib.sha256(changes.encode()).hexdigest()[:12]} if changes else {}
    return {**known, "dirty": bool(changes), **told}
