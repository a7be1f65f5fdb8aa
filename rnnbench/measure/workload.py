"""A case ready to run: model, rotating batches, and the step that its phase times."""

from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import Format, autocast, fitted, moved
from rnnbench.errors import Diverged, Unsupported
from rnnbench.measure import execution
from rnnbench.measure.network import forms_run, network, output_of
from rnnbench.measure.precision_probe import probe
from rnnbench.measure.probes import costs, memory, operators, weights
from rnnbench.measure.stream import Stream
from rnnbench.measure.train_step import TrainStep, backward
from rnnbench.record import MEMORY
from rnnbench.tasks import TASKS
from rnnbench.variants._adaptive import adaptive_of, depth_metrics, penalty, run_depth

BUFFERS = 4  # rotating batches, because a single one would stay in cache
ROTATE_UP_TO_BYTES = 256 * 2**20
NO_CLIPPING, NO_COMMUNICATION = "no clipping", "no communication"  # names of reference steps
INFERENCE = ("forward", "decode")  # phases that keep no graph


class Work(Protocol):
    """A measurable unit of work. `step()` is one timed unit; `beside()`, if not None, is the reference step that alternates with it."""

    case: Case
    device: Device
    tokens: float | None
    sequences: float | None
    train: TrainStep | None
    beside: Callable[[], None] | None
    beside_name: str
    notes: list[str]
    turns: int
    uneven: bool

    def step(self) -> None:
        """One timed unit."""

    def next_batch(self) -> None:
        """Turn to the next batch."""

    def rewind(self) -> None:
        """Make the next step use the first batch, so that counts always refer to the same batch."""

    def check(self) -> None:
        """After a step: raise if its output is wrong."""

    def check_finite(self) -> None:
        """After a later step: raise if a number is not finite. Only this can change after the first `check`."""

    def weigh(self, metrics: dict[str, float], absent: dict[str, str]) -> None:
        """Add the memory and costs of a step to `metrics`, or the reason for a missing figure to `absent`."""

    def forms(self) -> list[str]:
        """After a step: a sentence for each form in which layers ran that differs from the case's."""

    def close(self) -> None:
        """Clean up after the last step of a measured case."""


class Workload:
    """A variant on a task. `step()` is one timed unit of the case's phase; `beside()`, if not None, is the reference step."""

    TRAINS_BY = TrainStep
    uneven = False  # whether one batch is more work than another
    COMPARED = True  # whether its numbers are compared with the reference form's
    PREDICTED = True  # whether its memory is predicted before it is built

    def __init__(self, case: Case, device: Device, form: Format, clock: Clock) -> None:
        execution.refuse(case, device)
        self.case = case
        self.device = device
        self.tokens: float | None = None
        self.sequences: float | None = None
        self._form = form
        self._clock = clock
        self.types: tuple[str, ...] = ()
        self.notes: list[str] = []
        torch.manual_seed(case.seed)
        self.model: nn.Module = fitted(self._network(), form, device)
        self._call: Callable[..., Any] = self.model
        self._adaptive = adaptive_of(self.model)
        self.model.train(case.phase not in INFERENCE)
        self._batches = self._make_batches()
        self._turn = 0
        self.turns = len(self._batches)
        self.stream: Stream | None = None
        if case.phase == "decode":
            with torch.no_grad(), autocast(form, device):
                self.stream = Stream(case, self.model, self._batches[0][0])
        elif case.phase not in INFERENCE and not any(p.requires_grad for p in self.model.parameters()):
            raise Unsupported(f"{case.variant} has no trainable parameter: there is nothing to train; choose phase=forward")
        self._note_formats()
        self._hold(self._batches[0])
        self.output: Any = torch.empty(0)
        self.loss: Tensor = torch.empty(0)
        self.train: TrainStep | None = None
        if case.phase == "train":
            self.train = self.TRAINS_BY(self, clip_norm=case.clip_norm, scaled=form.scaled)
        self._trained = self.train  # kept if a CUDA graph hides the parts
        self.beside: Callable[[], None] | None = None
        self.beside_name = ""
        if self.train and case.clip_norm is not None:
            self.beside, self.beside_name = self.train.step_without_clip, NO_CLIPPING
        self.compiled: execution.Compiled | None = None
        self._graph: execution.Graph | None = None
        if case.execution in _EXECUTE:
            _EXECUTE[case.execution](self)

    @classmethod
    def probe(cls, case: Case, device: Device, form: Format) -> None:
        """Before the workload is built: raise Unsupported if its precision is not supported. One process tries it, also for several."""
        probe(case, device, form, Workload)

    def step(self) -> None:
        """Run one unit of the phase on the next batch."""
        if self._graph is None:
            _STEPS[self.case.phase](self)
        else:
            self.replay()

    def compile(self) -> None:
        """Compile the model, or the step of its stream, by running it once."""
        if self.stream is not None:
            self.stream.compile(self.case.execution)
        else:
            self._call = execution.compiled(self.model, self.case.execution)
        self.compiled = execution.compile_step(self.step, self._clock, self.case.execution)

    def capture(self) -> None:
        """Capture the phase's step in a CUDA graph; its parts can then no longer be timed."""
        static = self._copied(self._batches[0])
        self._hold(static)
        body = self.train.run_parts if self.train else self._infer
        self._graph = execution.Graph(body, self._tensors(static))
        self.train, self.beside, self.beside_name = None, None, ""

    def replay(self) -> None:
        """Replay the captured step on the next batch."""
        assert self._graph is not None
        self._turn = (self._turn + 1) % len(self._batches)
        self._graph.replay(*self._tensors(self._batches[self._turn]))

    def next_batch(self) -> None:
        """Switch to the next of the rotating batches."""
        self._turn = (self._turn + 1) % len(self._batches)
        self._hold(self._batches[self._turn])

    def rewind(self) -> None:
        """Have the next step use the first batch: what is counted is counted on the same one every time."""
        self._turn = len(self._batches) - 1

    def forward(self) -> None:
        """Run the model on the current batch, in the case's precision."""
        with autocast(self._form, self.device):
            self.output = output_of(self._call(self.x))

    def take_loss(self) -> None:
        """Set `loss` from the last output: the task's loss plus the penalty of adaptive depth."""
        self.loss = penalty(self._adaptive, self._task.loss(self.output, self.target))

    def check(self) -> None:
        """After a step: raise unless every output and loss is finite, on the device, and of shape (seq_len, batch_size, features).

        A decoding step has outputs of (batch_size, features).
        """
        case, out = self.case, self.output
        if out.device.type != self.device.torch.type:
            raise ValueError(f"variant {case.variant!r} returned a tensor on {out.device}, the case runs on {self.device.name}")
        steps = {} if case.phase == "decode" else {"seq_len": len(self.x)}
        sizes = {**steps, "batch_size": case.batch_size}
        if out.dim() != len(sizes) + 1 or tuple(out.shape[:-1]) != tuple(sizes.values()):
            wanted = f"({', '.join(f'{name} {size}' for name, size in sizes.items())}, features)"
            raise ValueError(f"variant {case.variant!r} returned shape {tuple(out.shape)}, wanted {wanted}")
        self.check_finite()

    def check_finite(self) -> None:
        """After a step: raise Diverged if its output, loss or gradients contain NaN or infinity. Gradients under a loss scaler may."""
        name = self.case.variant
        for out in self._outputs():
            if not bool(torch.isfinite(out.detach()).all()):
                raise Diverged(f"the output of {name!r}, shape {tuple(out.shape)}, holds NaN or infinity")
        if self.case.phase in INFERENCE:
            return
        if not bool(torch.isfinite(self.loss.detach())):
            raise Diverged(f"the loss of {name!r} is {self.loss.item()}")
        if self._trained is None or self._trained.scaler is None:
            given = {which: one.grad for which, one in self.model.named_parameters() if one.grad is not None}
            norms = torch.stack(torch._foreach_norm(list(given.values()))) if given else self.loss.detach()  # noqa: SLF001 - one call for all
            if not bool(torch.isfinite(norms).all()):
                bad = [which for which, one in given.items() if not bool(torch.isfinite(one).all())]
                if bad:
                    raise Diverged(f"the gradient of {name!r}, at {bad[0]}, holds NaN or infinity")

    def check_learned(self) -> None:
        """After the last round: note how many steps the loss scaler skipped. Raises Diverged if it skipped all of them."""
        if self._trained is None or self._trained.scaler is None or not (skipped := self._trained.skipped()):
            return
        steps, scale = self._trained.attempts, self._trained.scaler.get_scale()
        if skipped == steps:
            raise Diverged(f"the loss scaler skipped every one of {steps} steps, down to a scale of {scale:g}: no gradient was finite")
        self.notes.append(f"the loss scaler skipped {skipped} of {steps} steps, warm-up included: their gradients were not finite")

    def weigh(self, metrics: dict[str, float], absent: dict[str, str]) -> None:
        """Add the exact bytes that a step holds to `metrics`, and the reason for figures that the phase lacks to `absent`."""
        weights.weigh(self.model, metrics, absent)
        found = operators.dispatched(self.step)
        self.types = found.lines()
        self._put(metrics, absent, "operators", found.count, "a step dispatches no operator of torch")
        if self.stream is not None:
            self._weigh_state(self.stream, metrics, absent)
        shared = 0
        if self.case.phase in INFERENCE:
            absent.update(dict.fromkeys(("gradient_bytes", "activation_bytes"), "a forward pass keeps nothing for a backward pass"))
        else:
            metrics["gradient_bytes"] = memory.gradient_bytes(self.model)
            kept = memory.kept_storages(self.forward, self.model)
            shared = memory.bytes_among(kept, self._ends())
            self._put(metrics, absent, "activation_bytes", sum(kept.values()), "autograd keeps nothing between the two passes")
        if self._trained is None:
            absent["optimizer_bytes"] = "no optimizer runs in this phase"
        else:
            metrics["optimizer_bytes"] = self._trained.state_bytes()
            if self._trained.scaler is None:
                absent["skipped_steps"] = f"{self.case.precision} needs no loss scale"
            else:
                metrics["skipped_steps"] = self._trained.skipped()
        metrics.update(depth_metrics(self._adaptive))
        self._weigh_workspace(metrics, absent)
        if (made := self.compiled) is not None:
            metrics.update(compile_s=made.seconds, graphs=made.graphs, graph_breaks=made.breaks)
        self._weigh_costs(metrics, absent, shared)

    def _weigh_costs(self, metrics: dict[str, float], absent: dict[str, str], shared: float) -> None:
        """Add FLOPs by formula, and the minimum of bytes moved."""
        flops = partial(costs.step_flops, self.case, run_depth(self._adaptive))
        costs.weigh(self.case, self.x.nbytes, self.output.nbytes, metrics, absent, flops, shared)

    def _outputs(self) -> tuple[Tensor, ...]:
        """The outputs of the model."""
        return (self.output,)

    def _answer(self) -> Tensor:
        """The output as one tensor, for comparisons."""
        answer: Tensor = self.output.detach().clone()
        return answer

    def _ends(self) -> tuple[Tensor, ...]:
        """The inputs and outputs of the model."""
        return self.x, self.output

    @staticmethod
    def _put(metrics: dict[str, float], absent: dict[str, str], name: str, value: float, why_not: str) -> None:
        """Add a figure above 0, or the reason why there is none: 0 would read as the best possible value."""
        if value > 0:
            metrics[name] = value
        else:
            absent[name] = why_not

    def _weigh_state(self, stream: Stream, metrics: dict[str, float], absent: dict[str, str]) -> None:
        """Add the state memory at the end of the stream."""
        try:
            stream.move(1.0)
        except LookupError as error:
            absent["state_bytes"] = str(error)
            return
        self.step_decode()
        self._put(metrics, absent, "state_bytes", stream.state_bytes(), "this network keeps nothing from step to step")

    def _note_formats(self) -> None:
        """Note weights in a number format other than the case's precision: products then run in that format too."""
        odd = {p.dtype for p in self.model.parameters() if p.is_floating_point() and not isinstance(p, nn.UninitializedParameter)}
        stated = self._form.weights
        if odd - {stated}:
            found, wanted = ", ".join(sorted(_name(one) for one in odd)), _name(stated)
            self.notes.append(f"the weights are {found}, but {self.case.precision} means {wanted} weights")

    def _weigh_workspace(self, metrics: dict[str, float], absent: dict[str, str]) -> None:
        """Add the part of the peak that no other figure covers: library workspaces and temporaries."""
        if "peak_allocated_bytes" in metrics:
            named = sum(metrics.get(name, 0.0) for name in MEMORY) + sum(tensor.nbytes for tensor in self.batch_tensors())
            beyond = metrics["peak_allocated_bytes"] - named
            self._put(metrics, absent, "workspace_bytes", beyond, "the peak holds nothing beyond what has a name")

    def start_again(self, other: nn.Module) -> bool:
        """Copy the weights of another module. Returns False if they differ in number, order or shape."""
        pairs = list(zip_longest(self.model.parameters(), other.parameters()))
        if any(own is None or its is None or own.shape != its.shape for own, its in pairs):
            return False
        with torch.no_grad():
            for own, its in pairs:
                own.copy_(its)
        return True

    def one_pass(self, steps: int, scale: float) -> tuple[Tensor, Tensor | None, tuple[Tensor, ...]]:
        """Outputs, loss and gradients for the first batch, in the case's own form and number format; for a stream, of its first `steps`.
        An fp16 loss is scaled for this pass. Weights change only in a captured step, whose gradients may be clipped and are omitted."""
        self._hold(self._batches[0])
        if self.stream is not None:
            with torch.no_grad(), autocast(self._form, self.device):
                return self.stream.outputs(steps), None, ()
        if self._graph is not None:
            self._turn = -1
            self.replay()
            return self._answer(), self.loss.detach().clone() if self._trained else None, ()
        if self.case.phase in INFERENCE:
            self._infer()
            return self._answer(), None, ()
        scale = scale if self._form.scaled else 1.0
        self.model.zero_grad()
        self.forward()
        self.take_loss()
        backward(self.loss * scale)
        given = tuple(one.grad / scale for one in self.model.parameters() if one.grad is not None)
        return self._answer(), self.loss.detach().clone(), given

    def batch_tensors(self) -> list[Tensor]:
        """Inputs and targets of all rotating batches."""
        return [tensor for batch in self._batches for tensor in self._tensors(batch)]

    def device_tensors(self) -> list[Tensor]:
        """Weights, buffers and batches: what a device holds when a step begins."""
        return [*self.model.parameters(), *self.model.buffers(), *self.batch_tensors()]

    def forms(self) -> list[str]:
        """A sentence for each form in which layers ran that differs from the case's."""
        return forms_run(self.model)

    def close(self) -> None:
        """Nothing to clean up."""

    def _network(self) -> nn.Module:
        """The model, on the CPU. Also sets the task."""
        case = self.case
        self._task = TASKS[case.task]
        self.sequences = None if case.phase == "decode" else case.batch_size
        self.tokens = case.batch_size * (1 if case.phase == "decode" else case.seq_len)
        return network(case, self.notes)

    def _hold(self, batch: Any) -> None:
        """Make this batch the current one."""
        self.x, self.target = batch

    def _tensors(self, batch: Any) -> tuple[Tensor, ...]:
        """The tensors of a batch."""
        return tuple(batch)

    def _copied(self, batch: Any) -> Any:
        """A copy of a batch in new tensors."""
        return tuple(tensor.clone() for tensor in batch)

    def _make_batches(self) -> list[Any]:
        """Seeded batches, moved to the device once. The target's shape comes from a pass of the model."""
        generator = torch.Generator().manual_seed(self.case.seed)
        x = self._task.inputs(self.case, generator)
        if self.case.phase == "decode":  # needs no target, so no pass over the whole stream to find its shape
            return [(moved(x, self._form, self.device), torch.empty(0))]
        with torch.no_grad(), autocast(self._form, self.device):
            shape = output_of(self.model(moved(x, self._form, self.device))).shape
        count = BUFFERS if x.nbytes * BUFFERS <= ROTATE_UP_TO_BYTES else 2
        inputs = [x, *(self._task.inputs(self.case, generator) for _ in range(count - 1))]
        return [(moved(one, self._form, self.device), self._task.targets(shape, generator).to(self.device.torch)) for one in inputs]

    def step_forward(self) -> None:
        """Inference: no graph is kept."""
        self.next_batch()
        self._infer()

    def _infer(self) -> None:
        with torch.no_grad():
            self.forward()

    def read_stream(self, limit_s: float) -> None:
        """Read the stream, for at most `limit_s`, if that is necessary before a step in its middle can be timed."""
        if self.stream is not None:
            end_s = self._clock() + limit_s
            with torch.no_grad(), autocast(self._form, self.device):
                if told := self.stream.read(lambda: self._clock() >= end_s):
                    self.notes.append(told)

    def step_decode(self) -> None:
        """One time step of a stream at its current position: no graph is kept."""
        assert self.stream is not None
        with torch.no_grad(), autocast(self._form, self.device):
            self.output = self.stream.step()

    def step_backward(self) -> None:
        """The backward pass alone; its forward pass runs off the clock."""
        self._clock.pause()
        self.next_batch()
        self.model.zero_grad()
        self.forward()
        self.take_loss()
        self._clock.resume()
        backward(self.loss)

    def step_train(self) -> None:
        """The whole train step, from zero_grad to the optimizer."""
        assert self.train is not None
        self.train.step()


def _name(kind: torch.dtype) -> str:
    """`float32` for `torch.float32`."""
    return str(kind).removeprefix("torch.")


_STEPS: dict[str, Callable[[Workload], None]] = {
    "forward": Workload.step_forward,
    "decode": Workload.step_decode,
    "backward": Workload.step_backward,
    "train": Workload.step_train,
}


_EXECUTE: dict[str, Callable[[Workload], None]] = {
    **dict.fromkeys(execution.MODES, Workload.compile),
    "cudagraph": Workload.capture,
}
