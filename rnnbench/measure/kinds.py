"""The kind of workload of a case: a variant on a built-in task, the user's own model, or a variant on the user's own task."""

from rnnbench.case import FIXED_LENGTHS, Case
from rnnbench.measure.lengths_work import LengthsWork
from rnnbench.measure.own.task_work import TaskWork
from rnnbench.measure.own.work import OwnWork
from rnnbench.measure.workload import Workload
from rnnbench.tasks import OWN_TASKS


def workload_of(case: Case) -> type[Workload]:
    """The workload class of a case."""
    if case.own:
        return OwnWork
    if case.lengths != FIXED_LENGTHS:
        return LengthsWork
    return TaskWork if case.task in OWN_TASKS else Workload
