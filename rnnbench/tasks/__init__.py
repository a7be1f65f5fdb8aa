"""Data sources, one per file."""

from rnnbench.tasks._hook import OWN_TASKS, OwnTask, task
from rnnbench.tasks._kinds import IGNORE, Kind
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split
from rnnbench.tasks._registry import TASKS, Batch, Task

__all__ = ["IGNORE", "OWN_TASKS", "PROBLEMS", "TASKS", "Batch", "Data", "Kind", "OwnTask", "Problem", "Recipe", "Split", "Task", "task"]
