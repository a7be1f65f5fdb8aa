"""One exception class per user mistake, each with the exit status of `rnnbench`.

Exit codes are part of the interface (docs/reference.md):
0 success · 1 tool error · 2 usage error · 3 regression · 4 inconclusive, missing or incompatible · 5 cases failed · 130 interrupted ·
141 closed pipe.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

EXIT_OK = 0
EXIT_TOOL = 1
EXIT_USAGE = 2
EXIT_REGRESSION = 3
EXIT_INCONCLUSIVE = 4
EXIT_CASES_FAILED = 5
EXIT_INTERRUPTED = 130
EXIT_CLOSED_PIPE = 141  # 128 + SIGPIPE, as a shell reports a command whose reader closed the pipe


class RnnbenchError(Exception):
    """An error that ends a command with one sentence instead of a traceback."""

    exit_code = EXIT_TOOL


class UsageError(RnnbenchError):
    """The command line or a suite asks for something impossible."""

    exit_code = EXIT_USAGE


class UnknownName(UsageError):
    """A suite, variant, axis or value that does not exist. `good` lists the valid ones; the message shows the closest first."""

    def __init__(self, kind: str, bad: object, good: Iterable[object]) -> None:
        names = nearest_first(str(bad), [str(name) for name in good])
        choices = ", ".join(names) if names else "none available"
        super().__init__(f"unknown {kind} {str(bad)!r}; choose from: {choices}")


class BadValue(UsageError):
    """A value of the wrong type or out of range. `wanted` describes the valid values."""

    def __init__(self, name: str, bad: object, wanted: str) -> None:
        super().__init__(f"{name}={bad!r} is invalid: expected {wanted}")


class BadExpression(UsageError):
    """A `--set` or `--select` text that cannot be parsed, or that has no effect."""

    def __init__(self, option: str, text: str, wanted: str, verb: str = "cannot be read") -> None:
        super().__init__(f"{option} {text!r} {verb}: {wanted}")


class NoSuchDevice(UsageError):
    """A device that this machine, or this build of torch, does not have."""

    def __init__(self, bad: str, good: Iterable[str]) -> None:
        super().__init__(f"device {bad!r} not found; this machine has: {', '.join(good)}")


class Unloadable(UsageError):
    """A user's own code that cannot be loaded, as reported by another process."""


class BadPlugin(Unloadable):
    """A user's own file, variant or suite that cannot be loaded."""

    def __init__(self, path: str | Path, why: str) -> None:
        super().__init__(f"{str(path)!r} cannot be loaded: {why}")


class CannotWrite(RnnbenchError):
    """A failed write to a results or reports folder. Earlier writes are intact."""

    def __init__(self, path: str | Path, why: object) -> None:
        super().__init__(f"cannot write {str(path)!r}: {why}; free some space, or choose another folder with --results or --out")


class NoCluster(UsageError):
    """No cluster at the address, or one that cannot be used from here."""

    def __init__(self, address: str | None, why: str) -> None:
        where = f"--address {address!r}" if address else "a local Ray cluster"
        super().__init__(f"{where} is invalid: {why}")


class NoWorkers(RnnbenchError):
    """No machine of a cluster can take a case, or all that could are gone. Records so far are on disk."""


class BadResults(RnnbenchError):
    """A results file or folder that rnnbench did not write, or that is incomplete. Nothing in it was changed."""

    exit_code = EXIT_INCONCLUSIVE

    def __init__(self, path: str | Path, why: str) -> None:
        super().__init__(f"{str(path)!r} is not a readable run: {why}")


class Unsupported(Exception):
    """Raised while measuring: this case cannot run here. Becomes a record, never an exit."""


class Diverged(Exception):
    """Raised while measuring: a loss, an output or a gradient is not finite, or every optimizer step was skipped."""


def nearest_first(bad: str, good: list[str]) -> list[str]:
    """`good`, with the names closest to `bad` first."""
    near = get_close_matches(bad, good, n=3, cutoff=0.5)
    return near + [name for name in good if name not in near]
