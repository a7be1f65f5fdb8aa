"""The train step, part by part: zero_grad, forward, loss, backward, unscale, clip, optimizer."""

from collections.abc import Callable, Iterable
from typing import Protocol

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.device.devices import Device
from rnnbench.errors import Unsupported

Part = tuple[str, Callable[[], None]]
_FUSED_ADAMW = ("cpu", "cuda")
LEARNING_RATE = 1e-4


def adamw(weights: Iterable[nn.Parameter], lr: float, device: torch.device, *, captured: bool = False) -> torch.optim.AdamW:
    """AdamW, fused if the device supports it; the same in timed steps and in trainings."""
    return torch.optim.AdamW(weights, lr=lr, fused=device.type in _FUSED_ADAMW or None, capturable=captured)


class Trainable(Protocol):
    """What a train step needs from its workload."""

    case: Case
    device: Device
    model: nn.Module
    loss: Tensor

    def next_batch(self) -> None:
        """Switch to the next batch."""

    def forward(self) -> None:
        """Run the model on the current batch."""

    def take_loss(self) -> None:
        """Set `loss`, a scalar, from the last output."""


class TrainStep:
    """A train step with AdamW on a workload's model. `parts` lists the step's parts: (name of the time metric, function)."""

    def __init__(self, work: Trainable, *, clip_norm: float | None, scaled: bool) -> None:
        self.work = work
        self.clip_norm = clip_norm
        self.parameters = [p for p in work.model.parameters() if p.requires_grad]
        if not self.parameters:
            raise Unsupported(f"{work.case.variant} has no trainable parameter: there is nothing to train; choose phase=forward")
        self.optimizer = self.make_optimizer()
        self.attempts = 0  # optimizer steps, including skipped ones
        self.scaler = torch.amp.GradScaler(work.device.torch.type) if scaled else None
        self.gradient_norm: Tensor | None = None  # before clipping, of the last step
        self.parts: tuple[Part, ...] = (
            ("zero_grad_s", self.optimizer.zero_grad),
            ("forward_s", work.forward),
            ("loss_s", work.take_loss),
            ("backward_s", self.backward),
            *((("unscale_s", self.unscale),) if scaled else ()),
            *((("clip_s", self.clip),) if clip_norm is not None else ()),
            ("optimizer_s", self.optimize),
        )
        self.parts_without_clip = tuple(part for part in self.parts if part[0] != "clip_s")

    def make_optimizer(self) -> torch.optim.Optimizer:
        """AdamW, fused if the device supports it."""
        work = self.work
        return adamw(self.parameters, LEARNING_RATE, work.device.torch, captured=work.case.execution == "cudagraph")

    def step(self) -> None:
        """Run all parts on the next batch."""
        self.work.next_batch()
        self.run_parts()

    def run_parts(self) -> None:
        """Run all parts on the current batch."""
        for _, part in self.parts:
            part()

    def by_parts(self, clock: Callable[[], float], spent_s: dict[str, list[float]]) -> Callable[[], None]:
        """The same step as a function that reads the clock after each part."""
        timed = [(part, spent_s[name].append) for name, part in self.parts]

        def step() -> None:
            self.work.next_batch()
            before = clock()
            for part, note in timed:
                part()
                now = clock()
                note(now - before)
                before = now

        return step

    def step_without_clip(self) -> None:
        """The same step without clipping."""
        self.work.next_batch()
        for _, part in self.parts_without_clip:
            part()

    def backward(self) -> None:
        """Compute the gradients of the (scaled) loss."""
        loss = self.work.loss
        backward(self.scaler.scale(loss) if self.scaler else loss)

    def unscale(self) -> None:
        """Divide the gradients by the loss scale, so that clipping uses their true norm."""
        assert self.scaler is not None
        self.scaler.unscale_(self.optimizer)

    def clip(self) -> None:
        """Clip the gradient norm to `clip_norm`."""
        assert self.clip_norm is not None
        self.gradient_norm = nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)

    def optimize(self) -> None:
        """Run the optimizer's step; a loss scaler skips it if a gradient is not finite."""
        self.attempts += 1
        if self.scaler is None:
            self.optimizer.step()
            return
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def skipped(self) -> int:
        """Number of steps that the loss scaler skipped, from the optimizer's own count of steps: nothing synchronises during the rounds."""
        taken = max((int(state["step"]) for state in self.optimizer.state.values() if "step" in state), default=0)
        return self.attempts - taken

    def state_tensors(self) -> list[Tensor]:
        """The optimizer's state."""
        return [value for state in self.optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]

    def state_bytes(self) -> int:
        """Storage of the optimizer's state."""
        return sum(tensor.nbytes for tensor in self.state_tensors())


def backward(loss: Tensor) -> None:
    """Compute the gradients of a scalar for every parameter."""
    torch.autograd.backward(loss)
