"""A model with its batches, loss and optimizer as one file, for this user's own processes. It is pickled, so it counts as code.

A model's class and a function are pickled by name, so they have to be importable. What is defined in a notebook or a script is not;
where the package cloudpickle is installed, it is pickled whole.
"""

import copy
import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import Any

from torch import nn

from rnnbench.errors import BadPlugin
from rnnbench.measure.own.factory import own_of
from rnnbench.measure.own.model import Loss, MakeOptimizer, Own, Parts, Tokens
from rnnbench.own_model import PARCEL, variant_of

MAIN = "__main__"


class CannotPack(Exception):
    """Something that another process could not make again, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What `rnnbench.measure` was given. `batches` is None where the factory brings its own."""

    model: nn.Module | Callable[..., Any]
    batches: list[Any] | None = None
    loss: Loss | None = None
    optimizer: MakeOptimizer | None = None
    tokens: Tokens | None = None

    def own(self, name: str) -> Own:
        """As a model that can be measured. A module is copied for each case, so that none learns from another's training."""
        if isinstance(self.model, nn.Module):
            module = self.model
            return Own(name=name, make=lambda _: self._with(Parts(model=copy.deepcopy(module), batches=self.batches or ())))
        made = own_of(name, self.model, has_batches=self.batches is not None)
        return Own(name=name, make=lambda case: self._with(made.make(case)), axes=made.axes, declared=made.declared)

    def _with(self, parts: Parts) -> Parts:
        """The parts, with what was given beside the factory in place of its own."""
        batches = parts.batches if self.batches is None else self.batches
        loss, optimizer = self.loss or parts.loss, self.optimizer or parts.optimizer
        return replace(parts, batches=batches, loss=loss, optimizer=optimizer, tokens=self.tokens)


class _ByName(pickle.Pickler):
    """Refuses what `__main__` defines: another process has another one."""

    def reducer_override(self, thing: Any) -> Any:
        """Called for every object that is no plain value."""
        if isinstance(thing, type | FunctionType) and thing.__module__ == MAIN:
            raise CannotPack(f"{thing.__qualname__} is defined in a notebook or script, which no other process can import")
        return NotImplemented


def pack(parcel: Parcel, name: str, folder: Path) -> Path:
    """The parcel as a file, named after the model. Raises CannotPack with the reason where it cannot be one."""
    path = folder / f"{name}{PARCEL}"
    path.write_bytes(_pickled(parcel))
    return path


def unpacked(path: Path) -> Own:
    """The model of a parcel. Raises BadPlugin where it cannot be made again here."""
    try:
        parcel = pickle.loads(path.read_bytes())  # noqa: S301 - written by the process that started this one
    except Exception as error:
        raise BadPlugin(path.name, f"{type(error).__name__}: {error}") from error
    if not isinstance(parcel, Parcel):
        raise BadPlugin(path.name, "it holds no model")
    return parcel.own(variant_of(str(path)))


def _pickled(parcel: Parcel) -> bytes:
    whole = io.BytesIO()
    try:
        _ByName(whole).dump(parcel)
    except Exception as error:  # noqa: BLE001 - a pickler raises whatever an object's own hooks do
        return _pickled_whole(parcel, error)
    return whole.getvalue()


def _pickled_whole(parcel: Parcel, why: Exception) -> bytes:
    try:
        import cloudpickle
    except ImportError:
        raise CannotPack(f"{why}; with the package cloudpickle it could (pip install 'rnnbench[notebook]')") from why
    try:
        return bytes(cloudpickle.dumps(parcel))
    except Exception as error:
        raise CannotPack(f"{error}") from error
