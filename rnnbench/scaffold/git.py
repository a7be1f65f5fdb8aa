"""What git says about a repository: its default branch, its host, and whether it ignores a file."""

import subprocess
from pathlib import Path


def ignored_by(root: Path, path: str) -> str:
    """The rule that keeps `path` out of a commit, as FILE:LINE:RULE; empty where nothing does, or where there is no repository."""
    out = _git(root, "check-ignore", "--verbose", "--no-index", path)
    rule, _, _ = out.partition("\t")
    return "" if not rule or rule.rpartition(":")[2].startswith("!") else rule


def service(root: Path) -> str:
    """The CI service that fits: by what is there already, else by the remote's host; github where nothing tells."""
    if (root / ".github").is_dir():
        return "github"
    return "gitlab" if (root / ".gitlab-ci.yml").exists() or "gitlab" in _git(root, "remote", "get-url", "origin") else "github"


def branch(root: Path) -> str:
    """The branch that pull requests go to: the remote's default, else the one that is checked out, else main."""
    remote = _git(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")
    return remote or _git(root, "branch", "--show-current") or "main"


def _git(root: Path, *words: str) -> str:
    """What git prints; empty where it has nothing to say or is not there."""
    try:
        done = subprocess.run(("git", *words), cwd=root, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
