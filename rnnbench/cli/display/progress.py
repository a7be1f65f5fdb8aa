"""The progress bar of a run: on standard error, so that standard output is for results."""

from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from rnnbench.case import Case
from rnnbench.cli.display.terminal import console
from rnnbench.record import Record
from rnnbench.runs.plan import expected_s, past_durations_s

if TYPE_CHECKING:
    from rnnbench.runs.prepare import Prepared


class Progress:
    """Time left follows what each case is expected to take, not the number of cases."""

    def __init__(self, ready: "Prepared") -> None:
        history = past_durations_s(ready.request.results, ready.plan.budget)
        tasks = [(case, process) for case, process in ready.plan.tasks if (str(case), process) not in ready.done]
        self._expected_s = {(str(case), process): expected_s(case, ready.plan.budget, history) for case, process in tasks}
        self._count = f"{len(self._expected_s)}"
        self._done = 0
        columns = (TextColumn("{task.fields[count]}"), BarColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        self._bar = Bar(*columns, TextColumn("{task.description}", markup=False), console=console(stderr=True), transient=True)
        self._task = self._bar.add_task("", total=sum(self._expected_s.values()), count=f"0/{self._count}")

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def begin(self, case: Case, process: int) -> None:  # noqa: ARG002 - part of the protocol
        """Show the case that is being measured."""
        self._bar.update(self._task, description=str(case))

    def end(self, record: Record) -> None:
        """Advance, and report a failure at once."""
        self._done += 1
        self._bar.update(self._task, advance=self._expected_s.get(record.key, 0), count=f"{self._done}/{self._count}")
        if record.status not in ("ok", "unsupported"):
            self._bar.console.print(f"{record.status}: {record.case}: {record.reason}", style="red", markup=False, highlight=False)

    def say(self, sentence: str) -> None:
        """Print a sentence above the bar."""
        self._bar.console.print(sentence, markup=False, highlight=False)
