"""Arguments of measure() and compare(), checked before anything is measured."""

import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from rnnbench.budget import Budget
from rnnbench.case import AXES, OWN_BLANK, OWN_PHASES, Case
from rnnbench.errors import BadValue
from rnnbench.measure.own.call import changed, several, tensors_in
from rnnbench.measure.own.parcel import Parcel
from rnnbench.own_model import SUITE, named

Several = Any
"""One value, or several as a tuple or list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Values of each axis that rnnbench sets, to cross. Clipping needs gradients, so it is crossed with the train phase alone."""

    phases: tuple[str, ...]
    precisions: tuple[str, ...]
    clip_norms: tuple[float | None, ...]
    executions: tuple[str, ...]
    seed: int

    @classmethod
    def of(cls, phases: Several, precision: Several, clip_norm: Several, execution: Several, seed: int) -> "Asked":
        """Raises UnknownName or BadValue for a value that an axis does not have."""
        axes = {"phase": phases, "precision": precision, "clip_norm": clip_norm, "execution": execution, "seed": seed}
        values = {name: _tuple(value) for name, value in axes.items()}
        for name, each in values.items():
            for value in each:
                AXES[name].check(value)
        if odd := [phase for phase in values["phase"] if phase not in OWN_PHASES]:
            raise BadValue("phases", odd[0], f"one or more of {', '.join(OWN_PHASES)}")
        return cls(
            phases=values["phase"],
            precisions=values["precision"],
            clip_norms=values["clip_norm"],
            executions=values["execution"],
            seed=seed,
        )

    def cases(self, name: str, device: str, axes: Mapping[str, Any]) -> list[Case]:
        """A case for each combination; `axes` are those that the model's factory takes."""
        fixed = {"suite": SUITE, "variant": name, "device": device, "seed": self.seed, **dict.fromkeys(OWN_BLANK), **axes}
        crossed = itertools.product(self.precisions, self.executions, self.phases, self.clip_norms)
        found = [
            Case(**fixed, precision=precision, execution=execution, phase=phase, clip_norm=clip_norm if phase == "train" else None)
            for precision, execution, phase, clip_norm in crossed
        ]
        return list(dict.fromkeys(found))


def parcel_of(model: nn.Module | Callable[..., Any], batch: Any, loss: Any, optimizer: Any, tokens: Any) -> Parcel:
    """What was given, on the host: the process that measures moves it to the device. Raises BadValue for what is no model."""
    if not callable(model):
        raise BadValue("model", model, "a torch.nn.Module, or a function that returns one")
    if isinstance(model, nn.Module) and any(not one.is_cpu for one in (*model.parameters(), *model.buffers())):
        import copy

        model = copy.deepcopy(model).cpu()
    if isinstance(model, nn.Module) and batch is None:
        raise BadValue("batch", batch, "a tensor, a tuple, a dict, a list of batches that take turns, or a DataLoader")
    batches = None if batch is None else [_on_host(one) for one in several(batch)]
    return Parcel(model=model, batches=batches, loss=loss, optimizer=optimizer, tokens=tokens)


def budget_of(budget: str | float | Budget) -> Budget:
    """A preset's name, seconds of timed rounds for each case, or a whole Budget."""
    if isinstance(budget, Budget):
        return budget
    if isinstance(budget, str):
        return Budget.of(budget)
    return Budget.of("standard", {"max_time_s": float(budget)})


def name_of(model: Any) -> str:
    """`module:Class` of a module, `module:function` of a factory."""
    made_by = type(model) if isinstance(model, nn.Module) and not inspect.isclass(model) else model
    return named(getattr(made_by, "__module__", "") or "", getattr(made_by, "__qualname__", type(made_by).__name__))


def _tuple(value: Several) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else (value,)


def _on_host(batch: Any) -> Any:
    return batch if all(one.is_cpu for one in tensors_in(batch)) else changed(batch, lambda one: one.cpu())
