"""Where data comes from, one source a file."""

from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split
from rnnbench.tasks._registry import TASKS, Batch, Task

__all__ = ["PROBLEMS", "TASKS", "Batch", "Data", "Problem", "Recipe", "Split", "Task"]
