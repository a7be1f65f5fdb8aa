"""A case made ready to run: model, rotating batches, and the step that its phase times."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.measure import costs, execution, memory, operators
from rnnbench.measure.devices import Clock, Device
from rnnbench.measure.network import network, output_of
from rnnbench.measure.precision import Format, autocast
from rnnbench.measure.stream import Stream
from rnnbench.measure.training import TrainStep, backward
from rnnbench.record import MEMORY
from rnnbench.tasks import TASKS
from rnnbench.variants._adaptive import adaptive_of, depth_metrics, penalty, run_depth

BUFFERS = 4  # batches that take turns, so that none stays in cache for being the only one
ROTATE_UP_TO_BYTES = 256 * 2**20
NO_CLIPPING, NO_COMMUNICATION = "no clipping", "no communication"  # what a step is run in turn with, by its name
INFERENCE = ("forward", "decode")  # phases that keep no graph


class Diverged(Exception):
    """The loss or an output stopped being finite numbers."""


class Work(Protocol):
    """What can be measured. `step()` is one timed unit; `beside()`, where there is one, is what it is compared with in turn."""

    case: Case
    device: Device
    tokens: int | None
    train: TrainStep | None
    beside: Callable[[], None] | None
    beside_name: str

    def step(self) -> None:
        """One timed unit."""

    def next_batch(self) -> None:
        """Turn to the next batch."""

    def check(self) -> None:
        """After a step: raise where what came out is not what it should be."""

    def weigh(self, metrics: dict[str, float], absent: dict[str, str]) -> None:
        """What a step holds, into a record's figures; what there is not, with the reason."""

    def close(self) -> None:
        """After the last step of a case that was measured."""


class Workload:
    """`step()` is one timed unit of the case's phase; `beside()`, where there is one, is what it is compared with in turn."""

    TRAINS_BY = TrainStep

    def __init__(self, case: Case, device: Device, form: Format, clock: Clock) -> None:
        execution.refuse(case, device)
        self.case = case
        self.device = device
        self.tokens: int | None = case.batch_size * (1 if case.phase == "decode" else case.seq_len)
        self._form = form
        self._clock = clock
        self._task = TASKS[case.task]
        torch.manual_seed(case.seed)
        self.model: nn.Module = network(case).to(device.torch)
        self._call: Callable[..., Tensor | tuple[Tensor, ...]] = self.model
        self._adaptive = adaptive_of(self.model)
        self.model.train(case.phase not in INFERENCE)
        self._batches = self._make_batches()
        self._turn = 0
        self._stream = Stream(case, self.model, self._batches[0][0]) if case.phase == "decode" else None
        self.x, self.target = self._batches[0]
        self.output: Tensor = self.x
        self.loss: Tensor = self.x
        self.train: TrainStep | None = None
        if case.phase == "train":
            self.train = self.TRAINS_BY(self, clip_norm=case.clip_norm, scaled=form.scaled)
        self._trained = self.train  # kept where a CUDA graph hides the parts
        self.beside: Callable[[], None] | None = None
        self.beside_name = ""
        if self.train and case.clip_norm is not None:
            self.beside, self.beside_name = self.train.step_without_clip, NO_CLIPPING
        self.compile_s: float | None = None
        self._graph: execution.Graph | None = None
        if case.execution in _EXECUTE:
            _EXECUTE[case.execution](self)

    def step(self) -> None:
        """One unit of the phase, on the next batch."""
        if self._graph is None:
            _STEPS[self.case.phase](self)
        else:
            self.replay()

    def compile(self) -> None:
        """Have the model, or the step of its stream, compiled by running it once."""
        if self._stream is not None:
            self._stream.compile()
        else:
            self._call = execution.compiled(self.model)
        self.compile_s = execution.compile_seconds(self.step, self._clock)

    def capture(self) -> None:
        """Have the phase's step in a CUDA graph, and its parts no longer told apart."""
        self.x, self.target = self.x.clone(), self.target.clone()
        body = self.train.run_parts if self.train else self._infer
        self._graph = execution.Graph(body, (self.x, self.target))
        self.train, self.beside, self.beside_name = None, None, ""

    def replay(self) -> None:
        """The captured step on the next batch."""
        assert self._graph is not None
        self._turn = (self._turn + 1) % len(self._batches)
        self._graph.replay(*self._batches[self._turn])

    def next_batch(self) -> None:
        """Turn to the next of the rotating batches."""
        self._turn = (self._turn + 1) % len(self._batches)
        self.x, self.target = self._batches[self._turn]

    def forward(self) -> None:
        """The model on the current batch, under the case's precision."""
        with autocast(self._form, self.device):
            self.output = output_of(self._call(self.x))

    def take_loss(self) -> None:
        """The task's loss of the last output, and what adaptive depth adds for the steps that it took."""
        self.loss = penalty(self._adaptive, self._task.loss(self.output, self.target))

    def check(self) -> None:
        """After a step: every output and loss on the device, finite, and of (seq_len, batch_size, features). Says which is not.

        A step of decoding gives (batch_size, features).
        """
        case, out = self.case, self.output
        if out.device.type != self.device.torch.type:
            raise ValueError(f"variant {case.variant!r} returned a tensor on {out.device}, the case runs on {self.device.name}")
        steps = {} if case.phase == "decode" else {"seq_len": case.seq_len}
        sizes = {**steps, "batch_size": case.batch_size}
        if out.dim() != len(sizes) + 1 or tuple(out.shape[:-1]) != tuple(sizes.values()):
            wanted = f"({', '.join(f'{name} {size}' for name, size in sizes.items())}, features)"
            raise ValueError(f"variant {case.variant!r} returned shape {tuple(out.shape)}, wanted {wanted}")
        if not bool(torch.isfinite(out.detach()).all()):
            raise Diverged(f"the output of {case.variant!r}, shape {tuple(out.shape)}, holds NaN or infinity")
        if case.phase not in INFERENCE and not bool(torch.isfinite(self.loss.detach())):
            raise Diverged(f"the loss of {case.variant!r} is {self.loss.item()}")

    def weigh(self, metrics: dict[str, float], absent: dict[str, str]) -> None:
        """Exact bytes of what a step holds, into a record's figures; what this phase has not, with the reason."""
        metrics["parameters"] = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
        metrics["parameter_bytes"] = memory.parameter_bytes(self.model)
        metrics["operators"] = operators.count(self.step)
        if self._stream is not None:
            while not self._stream.ended:  # what grows with the stream is at its largest
                self.step_decode()
            metrics["state_bytes"] = self._stream.state_bytes()
        if self.case.phase in INFERENCE:
            absent.update(dict.fromkeys(("gradient_bytes", "activation_bytes"), "a forward pass alone keeps nothing for a backward pass"))
        else:
            metrics["gradient_bytes"] = memory.gradient_bytes(self.model)
            metrics["activation_bytes"] = memory.activation_bytes(self.forward, self.model)
        if self._trained is None:
            absent["optimizer_bytes"] = "no optimizer runs in this phase"
        else:
            metrics["optimizer_bytes"] = self._trained.state_bytes()
        metrics.update(depth_metrics(self._adaptive))
        self._weigh_workspace(metrics)
        if self.compile_s is not None:
            metrics["compile_s"] = self.compile_s
        costs.weigh(self.case, self.x.nbytes, self.output.nbytes, metrics, absent, run_depth(self._adaptive))

    def _weigh_workspace(self, metrics: dict[str, float]) -> None:
        """What the peak holds beside all that has a name: libraries' workspaces and what a step needs for a moment."""
        if "peak_allocated_bytes" in metrics:
            named = sum(metrics.get(name, 0.0) for name in MEMORY) + sum(tensor.nbytes for tensor in self.batch_tensors())
            metrics["workspace_bytes"] = max(0.0, metrics["peak_allocated_bytes"] - named)

    def batch_tensors(self) -> list[Tensor]:
        """Inputs and targets of all batches that take turns."""
        return [tensor for batch in self._batches for tensor in batch]

    def close(self) -> None:
        """Nothing is left to do."""

    def _make_batches(self) -> list[tuple[Tensor, Tensor]]:
        """Seeded batches, moved to the device once. The target's shape is asked of the model itself."""
        generator = torch.Generator().manual_seed(self.case.seed)
        x = self._task.inputs(self.case, generator)
        with torch.no_grad(), autocast(self._form, self.device):
            shape = output_of(self.model(x.to(self.device.torch))).shape
        count = BUFFERS if x.nbytes * BUFFERS <= ROTATE_UP_TO_BYTES else 2
        inputs = [x, *(self._task.inputs(self.case, generator) for _ in range(count - 1))]
        return [(one.to(self.device.torch), self._task.targets(shape, generator).to(self.device.torch)) for one in inputs]

    def step_forward(self) -> None:
        """Inference: no graph is kept."""
        self.next_batch()
        self._infer()

    def _infer(self) -> None:
        with torch.no_grad():
            self.forward()

    def step_decode(self) -> None:
        """One time step of a stream: no graph is kept."""
        assert self._stream is not None
        with torch.no_grad(), autocast(self._form, self.device):
            self.output = self._stream.step()

    def step_backward(self) -> None:
        """The backward pass alone; what it needs is made off the clock."""
        self._clock.pause()
        self.next_batch()
        self.model.zero_grad()
        self.forward()
        self.take_loss()
        self._clock.resume()
        backward(self.loss)

    def step_train(self) -> None:
        """Everything from zero_grad to the optimizer."""
        assert self.train is not None
        self.train.step()


_STEPS: dict[str, Callable[[Workload], None]] = {
    "forward": Workload.step_forward,
    "decode": Workload.step_decode,
    "backward": Workload.step_backward,
    "train": Workload.step_train,
}


_EXECUTE: dict[str, Callable[[Workload], None]] = {
    "compile": Workload.compile,
    "cudagraph": Workload.capture,
}


def probe(case: Case, device: Device, form: Format) -> None:
    """One small step of the case's kind, before the real one. Raises Unsupported where the precision cannot be had.

    Only a lower precision is probed: what fails in fp32 is an error of the variant and is reported as such.
    """
    if form.autocast is None:
        return
    small = {"depth": 1, "hidden_size": 8, "input_size": 8, "batch_size": 2, "seq_len": 4}
    tiny = Case.from_dict({**case.as_dict(), **small, "execution": "eager"})
    try:
        Workload(tiny, device, form, Clock(device)).step()
    except (RuntimeError, NotImplementedError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise Unsupported(f"{case.precision} {case.variant} on {device.name}: {str(error).splitlines()[0]}") from error
