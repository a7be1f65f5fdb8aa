"""The progress of several processes, in shared memory: a process that hangs is furthest behind."""

import mmap

_MARK_BYTES = 8


class ProgressMarks:
    """A counter per process. Create it before the processes are forked; each increments only its own."""

    def __init__(self, size: int) -> None:
        self._marks = memoryview(mmap.mmap(-1, _MARK_BYTES * size)).cast("q")

    def mark(self, rank: int) -> None:
        """Count one more synchronization point that this rank has reached."""
        self._marks[rank] += 1

    def behind(self) -> tuple[int, ...]:
        """The ranks with the lowest count; empty if all counts are equal."""
        marks = self._marks.tolist()
        least = min(marks)
        return () if max(marks) == least else tuple(rank for rank, count in enumerate(marks) if count == least)

    def who_is_late(self) -> str:
        """The ranks that the others wait for, in words."""
        size, behind = len(self._marks), self.behind()
        if not behind:
            return f"all {size} ranks stopped at one place"
        ranks = f"rank {behind[0]}" if len(behind) == 1 else f"ranks {', '.join(map(str, behind))}"
        return f"{ranks} of {size} did not reach the point where the others waited"


_HERE: dict[str, tuple[ProgressMarks, int]] = {}


def take_place(marks: ProgressMarks, rank: int) -> None:
    """Make `mark` count for this rank from now on."""
    _HERE["marks"] = marks, rank


def watched() -> bool:
    """Whether this process is a rank whose marks are watched, so that a hang is ended."""
    return bool(_HERE)


def mark() -> None:
    """Count one more synchronization point for this process; no effect outside a watched rank."""
    for marks, rank in _HERE.values():
        marks.mark(rank)
