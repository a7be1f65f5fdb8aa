"""Which workload a case needs: a variant on a built-in task, your own model, or a variant on your own task."""

from rnnbench.case import Case
from rnnbench.measure.own.task_work import TaskWork
from rnnbench.measure.own.work import OwnWork
from rnnbench.measure.workload import Workload
from rnnbench.tasks import OWN_TASKS


def workload_of(case: Case) -> type[Workload]:
    """What makes a case ready to run."""
    return OwnWork if case.own else TaskWork if case.task in OWN_TASKS else Workload
