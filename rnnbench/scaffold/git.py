"""Facts about a git repository: its default branch, its CI service, and whether it ignores a file."""

import subprocess
from pathlib import Path


def ignored_by(root: Path, path: str) -> str:
    """The rule that keeps `path` out of commits, as FILE:LINE:RULE; empty if there is none, or no repository."""
    out = _git(root, "check-ignore", "--verbose", "--no-index", path)
    rule, _, _ = out.partition("\t")
    return "" if not rule or rule.rpartition(":")[2].startswith("!") else rule


def service(root: Path) -> str:
    """`github` or `gitlab`, from existing CI files, else from the remote's host; github if neither decides."""
    if (root / ".github").is_dir():
        return "github"
    return "gitlab" if (root / ".gitlab-ci.yml").exists() or "gitlab" in _git(root, "remote", "get-url", "origin") else "github"


def branch(root: Path) -> str:
    """The target branch of pull requests: the remote's default, else the current branch, else main."""
    remote = _git(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")
    return remote or _git(root, "branch", "--show-current") or "main"


def _git(root: Path, *words: str) -> str:
    """Git's output; empty if git fails or is not installed."""
    try:
        done = subprocess.run(("git", *words), cwd=root, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
