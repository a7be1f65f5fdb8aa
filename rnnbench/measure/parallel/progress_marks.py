"""How far each of several processes has come, in shared memory: the one that hangs is furthest behind."""

import mmap

_MARK_BYTES = 8


class ProgressMarks:
    """A count of marks for each process. Made before they are forked; each adds to its own only."""

    def __init__(self, size: int) -> None:
        self._marks = memoryview(mmap.mmap(-1, _MARK_BYTES * size)).cast("q")

    def mark(self, rank: int) -> None:
        """That process has come to the next place where the others come too."""
        self._marks[rank] += 1

    def behind(self) -> tuple[int, ...]:
        """The ranks that have come least far; none where all are at one place."""
        marks = self._marks.tolist()
        least = min(marks)
        return () if max(marks) == least else tuple(rank for rank, count in enumerate(marks) if count == least)

    def told(self) -> str:
        """Who keeps the others waiting, in words."""
        size, behind = len(self._marks), self.behind()
        if not behind:
            return f"all {size} ranks stopped at one place"
        ranks = f"rank {behind[0]}" if len(behind) == 1 else f"ranks {', '.join(map(str, behind))}"
        return f"{ranks} of {size} did not reach the point where the others waited"


_HERE: dict[str, tuple[ProgressMarks, int]] = {}


def take_place(marks: ProgressMarks, rank: int) -> None:
    """From here on this process marks its way as `rank`."""
    _HERE["marks"] = marks, rank


def watched() -> bool:
    """Whether somebody looks at the marks, and ends whoever hangs."""
    return bool(_HERE)


def mark() -> None:
    """This process has come to the next place. Does nothing where nobody looks."""
    for marks, rank in _HERE.values():
        marks.mark(rank)
