"""Where data comes from, one source a file."""

from rnnbench.tasks._registry import TASKS, Batch, Task

__all__ = ["TASKS", "Batch", "Task"]
