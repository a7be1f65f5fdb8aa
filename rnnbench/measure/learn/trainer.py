"""One training step towards a target, and the learning-rate schedule."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import cos, pi

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import Format, autocast
from rnnbench.measure.train_step import adamw
from rnnbench.tasks import Recipe
from rnnbench.variants._adaptive import adaptive_of, penalty

MOMENTUM = 0.9
NORM_EVERY = 10  # steps: where nothing is clipped, the norm is taken off the clock, and not at each step
Loss = Callable[[Tensor, Tensor], Tensor]

_OPTIMIZERS: dict[str, Callable[[Iterable[nn.Parameter], float, torch.device], torch.optim.Optimizer]] = {
    "adamw": adamw,
    "sgd": lambda weights, lr, _: torch.optim.SGD(weights, lr=lr, momentum=MOMENTUM),
}


def recipe_of(case: Case, own: Recipe) -> Recipe:
    """The task's own recipe, with what the case says otherwise."""
    said = {name: getattr(case, name) for name in ("optimizer", "lr", "schedule", "max_steps")}
    return replace(own, **{name: value for name, value in said.items() if value is not None})


def factor(recipe: Recipe, step: int) -> float:
    """What the learning rate is multiplied by at a step, counted from 0: a straight rise, then 1 or half a cosine down to 0."""
    rise = min(1.0, (step + 1) / max(1, recipe.warmup_steps))
    fall = 0.5 * (1 + cos(pi * step / recipe.max_steps)) if recipe.schedule == "cosine" else 1.0
    return rise * fall


class Teaching:
    """Trains a model by `recipe`. `step(x, y)` is one step; its order is unscale, clip, optimizer."""

    def __init__(
        self, model: nn.Module, loss: Loss, recipe: Recipe, *, clip_norm: float | None, form: Format, device: Device, clock: Clock
    ) -> None:
        self.model, self.loss, self.recipe, self.clip_norm = model, loss, recipe, clip_norm
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.optimizer = _OPTIMIZERS[recipe.optimizer](self.weights, recipe.lr, device.torch)
        self.scaler = torch.amp.GradScaler(device.torch.type) if form.scaled else None
        self.steps = 0
        self.losses: list[Tensor] = []
        self.norms: list[Tensor] = []
        self.scales: list[tuple[int, float]] = []
        self.skipped = 0
        self.adaptive = adaptive_of(model)
        self._form, self._device, self._clock = form, device, clock

    def step(self, x: Tensor, y: Tensor) -> None:
        """x and y are a batch on the device."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.lr * factor(self.recipe, self.steps)
        self.optimizer.zero_grad()
        with autocast(self._form, self._device):
            answers = self.model(x)
        loss = penalty(self.adaptive, self.loss(answers, y))
        torch.autograd.backward(self.scaler.scale(loss) if self.scaler else loss)
        if self.scaler:
            self.scaler.unscale_(self.optimizer)
        self._clip()
        self._optimize()
        self.losses.append(loss.detach())
        self.steps += 1

    def _clip(self) -> None:
        if self.clip_norm is not None:
            self.norms.append(nn.utils.clip_grad_norm_(self.weights, self.clip_norm).detach())
        elif self.steps % NORM_EVERY == 0:
            self._clock.pause()
            self.norms.append(nn.utils.get_total_norm([weight.grad for weight in self.weights if weight.grad is not None]).detach())
            self._clock.resume()

    def _optimize(self) -> None:
        """Under a scaler a step is left out where a gradient is not finite, which shows as a smaller scale."""
        if self.scaler is None:
            self.optimizer.step()
            return
        before = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        after = self.scaler.get_scale()
        if after != before:
            self.scales.append((self.steps + 1, after))
        self.skipped += after < before
