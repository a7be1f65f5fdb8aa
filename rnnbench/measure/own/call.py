"""How a batch becomes a call of the model: the convention in one place, with tokens counted and tensors found and moved.

A batch is one of
* a dict: `model(**batch)`, without the keys that its forward does not name; the loss is called as `loss(output, batch)`;
* a tuple: `model(*batch)`; with a loss, or where forward takes one fewer, the last item is the target: `loss(output, target)`;
* anything else (a tensor, a PackedSequence, an object): `model(batch)`, `loss(output)`.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils.data import DataLoader

DRAWN = 4  # batches that are taken of a DataLoader, and rotate
LENGTHS = ("lengths", "length", "seq_lens", "seq_lengths", "input_lengths", "src_lengths")
"""Names under which lengths are known. They stay on the host: torch packs by lengths there."""
MASKS = ("attention_mask", "input_mask")


@dataclass(frozen=True, slots=True)
class Call:
    """One batch as the model and the loss take it: `names` are those of `args`; `for_loss` is what the loss gets beside the output."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    for_loss: tuple[Any, ...]
    names: tuple[str, ...]

    def inputs(self) -> dict[str, Any]:
        """What the model is given, by the names of its parameters."""
        return {**dict(zip(self.names, self.args, strict=False)), **self.kwargs}


@dataclass(frozen=True, slots=True)
class Count:
    """Tokens and sequences of a batch, None where its layout does not tell; `padded` is how many positions those tokens lie among."""

    tokens: int | None = None
    sequences: int | None = None
    padded: int | None = None


def several(batch: Any) -> list[Any]:
    """The batches that take turns: the items of a list, the first four of a DataLoader or an iterator, else the batch alone."""
    if isinstance(batch, DataLoader) or (isinstance(batch, Iterator) and not isinstance(batch, Tensor)):
        batches = [tuple(one) if isinstance(one, list) else one for one in islice(batch, DRAWN)]
    else:
        batches = list(batch) if isinstance(batch, list) else [batch]
    if not batches or any(one is None for one in batches):
        raise ValueError("there is no batch: give a tensor, a tuple, a dict, a list of batches that take turns, or a DataLoader")
    return batches


def call_of(batch: Any, model: nn.Module, *, has_loss: bool) -> Call:
    """A batch as the model and the loss take it."""
    names, more, keywords = _signature(model)
    if isinstance(batch, Mapping):
        kwargs = dict(batch) if keywords else {name: value for name, value in batch.items() if name in names}
        return Call((), kwargs, (batch,), names)
    if isinstance(batch, tuple) and not hasattr(batch, "_fields"):
        if (has_loss and len(batch) > 1) or (not more and len(batch) == len(names) + 1):
            return Call(batch[:-1], {}, batch[-1:], names)
        return Call(batch, {}, (), names)
    return Call((batch,), {}, (), names)


def _signature(model: nn.Module) -> tuple[tuple[str, ...], bool, bool]:
    """Names of forward's parameters, and whether it takes any number of further ones, by place or by name."""
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return (), True, True
    kinds = {one.kind for one in parameters}
    names = tuple(one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY))
    return names, inspect.Parameter.VAR_POSITIONAL in kinds, inspect.Parameter.VAR_KEYWORD in kinds


def count(call: Call, model: nn.Module) -> Count:
    """Tokens by a PackedSequence, a mask, or lengths where one is among the inputs; else every position of the first tensor."""
    inputs = call.inputs()
    for value in inputs.values():
        if isinstance(value, PackedSequence):
            longest, sequences = len(value.batch_sizes), int(value.batch_sizes[0])
            return Count(len(value.data), sequences, longest * sequences)
    first = next(tensors_in(list(inputs.values())), None)
    if first is None or first.dim() == 0:
        return Count()
    for name, value in inputs.items():
        if name in MASKS and isinstance(value, Tensor) and value.dim() == 2:
            return Count(int(value.sum()), len(value), value.numel())
    ids = not first.is_floating_point()
    padded = first.numel() if ids or first.dim() == 1 else first.numel() // first.shape[-1]
    for name, value in inputs.items():
        if name in LENGTHS and len(_numbers(value)) > 0:
            return Count(sum(_numbers(value)), len(_numbers(value)), padded)
    return Count(padded, _sequences(first, ids, model))


def _sequences(first: Tensor, ids: bool, model: nn.Module) -> int | None:
    """How many sequences a padded tensor holds, where a recurrent layer says which way it lies."""
    layer = next((part for part in model.modules() if isinstance(part, nn.RNNBase)), None)
    if layer is None or first.dim() != (2 if ids else 3):
        return None
    return first.shape[0 if layer.batch_first else 1]


def _numbers(value: Any) -> list[int]:
    if isinstance(value, Tensor):
        return [int(one) for one in value.tolist()] if value.dim() == 1 else []
    return [int(one) for one in value] if isinstance(value, Sequence) and all(isinstance(one, int) for one in value) else []


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor in nested tuples, lists, dicts, PackedSequences and dataclasses, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, PackedSequence):
        yield value.data
    else:
        for one in _items(value):
            yield from tensors_in(one)


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, tuple | list):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, one.name) for one in fields(value)]
    return ()


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same nesting with `change` applied to each tensor and PackedSequence."""
    if isinstance(value, Tensor | PackedSequence):
        return change(value)
    if isinstance(value, Mapping):
        return {name: changed(one, change) for name, one in value.items()}
    if isinstance(value, tuple | list):
        items = [changed(one, change) for one in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: changed(getattr(value, one.name), change) for one in fields(value) if one.init})
    return value


def moved(call: Call, device: torch.device, floats: torch.dtype = torch.float32) -> Call:
    """The same on a device, lengths excepted; fp32 tensors in the type of `floats`, which is the weights'."""
    lengths = {id(value) for name, value in call.inputs().items() if name in LENGTHS}

    def there(one: Any) -> Any:
        kind = floats if getattr(one, "data", one).dtype == torch.float32 else None
        return one if id(one) in lengths else one.to(device, kind)

    return _each(call, there)


def copied(call: Call) -> Call:
    """The same in tensors of its own."""
    return _each(call, lambda one: one._replace(data=one.data.clone()) if isinstance(one, PackedSequence) else one.clone())


def _each(call: Call, change: Callable[[Any], Any]) -> Call:
    """Every tensor changed once: one that both the model and the loss read stays one."""
    done: dict[int, Any] = {}

    def once(value: Any) -> Any:
        if id(value) not in done:
            done[id(value)] = change(value)
        return done[id(value)]

    return Call(changed(call.args, once), changed(call.kwargs, once), changed(call.for_loss, once), call.names)


def told(call: Call) -> str:
    """A batch in words: its tensors' kinds and shapes."""
    shapes = [f"{str(one.dtype).removeprefix('torch.')} {tuple(one.shape)}" for one in tensors_in([call.args, call.kwargs, call.for_loss])]
    return ", ".join(dict.fromkeys(shapes)) or "no tensor"


def loss_in(output: Any) -> Tensor | None:
    """The loss that an output holds: itself where it is a scalar, `.loss`, or the item "loss"."""
    found = output if isinstance(output, Tensor) else getattr(output, "loss", None)
    if found is None and isinstance(output, Mapping):
        found = output.get("loss")
    return found if isinstance(found, Tensor) and found.dim() == 0 else None
