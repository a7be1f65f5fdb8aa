"""Git revisions: a temporary checkout of a revision, and the commits between two revisions."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rnnbench.errors import UsageError
from rnnbench.scratch import scratch

_NAME_ONE = "name a commit, branch or tag, for instance --since origin/main"


def repository(folder: Path) -> Path:
    """The root of the git checkout that contains `folder`. Raises UsageError."""
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel"))
    except (OSError, subprocess.SubprocessError):
        raise UsageError(f"{str(folder)!r} is not in a git checkout, so it has no revisions") from None


@contextlib.contextmanager
def worktree(root: Path, revision: str) -> Iterator[Path]:
    """A temporary checkout of `revision`, removed after the block. The user's own checkout is not touched. Raises UsageError."""
    try:
        known = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except (OSError, subprocess.SubprocessError):
        raise UsageError(f"{revision!r} is not a revision of {str(root)!r}: name a commit, branch or tag") from None
    with scratch() as folder:
        place = folder / known[:12]
        try:
            _git(root, "worktree", "add", "--detach", "--quiet", str(place), known)
        except (OSError, subprocess.SubprocessError) as error:
            message = getattr(error, "stderr", "") or str(error)
            raise UsageError(f"revision {revision!r} cannot be checked out: {message.strip().splitlines()[-1]}") from None
        try:
            yield place
        finally:
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                _git(root, "worktree", "remove", "--force", str(place))


def commits_between(root: Path, good: str, bad: str) -> tuple[str, ...]:
    """Full hashes of the commits that are in `bad` but not in `good`, along first parents, oldest first. Raises UsageError."""
    try:
        first, last = (_git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{one}^{{commit}}") for one in (good, bad))
    except (OSError, subprocess.SubprocessError):
        raise UsageError(f"{good!r} and {bad!r} are not both revisions of {str(root)!r}: name commits, branches or tags") from None
    found = tuple(_git(root, "rev-list", "--first-parent", "--reverse", f"{first}..{last}").split())
    if not found:
        raise UsageError(f"{bad!r} has no commit after {good!r}: name the older, good revision first")
    return found


@dataclass(frozen=True, slots=True)
class Changes:
    """`base` is the commit that a revision and HEAD have in common; `paths` changed since, relative to the root, committed or not."""

    base: str
    paths: tuple[Path, ...]


def changes_since(root: Path, revision: str, beside: Path) -> Changes:
    """What changed after `revision` and HEAD parted, uncommitted and untracked files included, those below `beside` left out.

    Raises UsageError."""
    try:
        known = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        base = _git(root, "merge-base", known, "HEAD")
    except (OSError, subprocess.SubprocessError):
        shallow = _is_shallow(root)
        hint = "this clone is shallow: fetch the whole history (actions/checkout: fetch-depth: 0)" if shallow else _NAME_ONE
        raise UsageError(f"--since {revision!r}: no such revision, or nothing in common with HEAD; {hint}") from None
    changed = _git(root, "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", base).split("\0")
    new = _git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    paths = (Path(name) for name in dict.fromkeys((*changed, *new)) if name)
    return Changes(base, tuple(path for path in paths if not (root / path).is_relative_to(beside)))


def _is_shallow(root: Path) -> bool:
    try:
        return _git(root, "rev-parse", "--is-shallow-repository") == "true"
    except (OSError, subprocess.SubprocessError):
        return False


def subject(root: Path, commit: str) -> str:
    """A commit's short hash and subject."""
    return _git(root, "show", "--no-patch", "--format=%h %s", commit)


def tracked(root: Path, pattern: str) -> list[str]:
    """The paths that git tracks in a checkout and that match its pattern, relative to the root."""
    return [name for name in _git(root, "ls-files", "-z", "--", pattern).split("\0") if name]


def there(path: Path, root: Path, place: Path) -> Path:
    """A user's file in the revision: the same path in the worktree, or the file itself if it is outside the checkout."""
    whole = path.resolve()
    if not whole.is_relative_to(root.resolve()):
        return whole
    return place / whole.relative_to(root.resolve())


def _git(folder: Path, *words: str) -> str:
    command = ("git", *words)
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=True).stdout.strip()  # noqa: S603
