"""A variant on a task of the user's own: inputs and targets drawn together, the network that would learn them, and the task's loss."""

import torch

from rnnbench.errors import Unsupported
from rnnbench.measure.learn.learner import Learner
from rnnbench.measure.own.model import Parts
from rnnbench.measure.own.work import OwnWork
from rnnbench.measure.workload import BUFFERS
from rnnbench.tasks import OWN_TASKS


class TaskWork(OwnWork):
    """Token ids are embedded and floats projected to input_size, and a linear layer answers: all of it is in the step."""

    def _made(self) -> Parts:
        case, task = self.case, OWN_TASKS[self.case.task]
        if case.processes > 1:
            raise Unsupported(f"{case.task} is a task of your own, which is measured in one process")
        generator = torch.Generator().manual_seed(case.seed)
        drawn = [task.draw(case.batch_size, case.seq_len, generator) for _ in range(BUFFERS)]
        batches = [(one.x, one.y) for one in drawn]
        counts = {id(batch): one.tokens for one, batch in zip(drawn, batches, strict=True)}
        torch.manual_seed(case.seed)
        model = Learner(case, task.problem, task.data(drawn[0]))
        return Parts(model=model, batches=batches, loss=task.problem.kind.loss, tokens=lambda batch: counts[id(batch)])
