"""Number and bytes of a model's weights, including frozen and packed ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass


@dataclass(frozen=True, slots=True)
class Weights:
    """`count` and `bytes` cover all weights, `trainable_bytes` those that an optimizer would change."""

    count: int
    bytes: int
    trainable_bytes: int


def weights_of(model: nn.Module) -> Weights:
    """Every parameter once, frozen or not, and the packed weights of quantized modules, which torch does not list as parameters."""
    parameters = [one for one in model.parameters() if not isinstance(one, nn.UninitializedParameter)]
    packed = list(_packed(model))
    return Weights(
        sum(one.numel() for one in parameters) + sum(count for count, _ in packed),
        sum(map(_bytes, parameters)) + sum(size for _, size in packed),
        sum(_bytes(one) for one in parameters if one.requires_grad),
    )


def weigh(model: nn.Module, metrics: dict[str, float], absent: dict[str, str]) -> None:
    """Add the number of parameters and their bytes to `metrics`, or the reason to `absent` if the model has none."""
    found = weights_of(model)
    if found.count:
        metrics.update(parameters=found.count, parameter_bytes=found.bytes)
        return
    buffers = list(model.buffers())
    held = f"; its buffers hold {sum(one.nbytes for one in buffers):,} bytes" if buffers else ""
    absent.update(dict.fromkeys(("parameters", "parameter_bytes"), f"the model has no parameters{held}"))


def is_lazy(model: nn.Module) -> bool:
    """Whether some weights have no shape before the first forward pass."""
    return any(isinstance(one, nn.UninitializedParameter) for one in model.parameters())


def _bytes(tensor: Tensor) -> int:
    """Bytes of a tensor; for one that wraps others, such as a quantized weight of torchao, those of the inner tensors."""
    wrapped: Any = tensor
    if is_traceable_wrapper_subclass(wrapped):
        return sum(_bytes(getattr(wrapped, name)) for name in wrapped.__tensor_flatten__()[0])
    return tensor.nbytes


def _packed(model: nn.Module) -> Iterator[tuple[int, int]]:
    """Scalars and bytes of each packed tensor. fp16 weights unpack as fp32, so they count half."""
    seen = {_place(one) for one in model.parameters() if not isinstance(one, nn.UninitializedParameter)}
    alive: list[Tensor] = []  # a freed tensor's address could be reused by the next one
    for part in model.modules():
        for value in vars(part).values():
            if not isinstance(value, torch.ScriptObject):
                continue
            tensors, words = _opened(value)
            alive += tensors
            half = "quantized_fp16" in words or getattr(part, "dtype", None) is torch.float16
            for tensor in tensors:
                if _place(tensor) in seen:
                    continue
                seen.add(_place(tensor))
                lowered = half and tensor.dim() > 1 and tensor.dtype == torch.float32
                yield tensor.numel(), tensor.nbytes // (2 if lowered else 1)


def _place(tensor: Tensor) -> tuple[int, int]:
    """An id of a tensor's storage, because packed tensors share storages with parameters; of the tensor itself if it has no storage."""
    return (tensor.data_ptr(), tensor.numel()) if tensor.device.type != "meta" else (id(tensor), -1)


def _opened(value: Any) -> tuple[list[Tensor], list[str]]:
    """Tensors and strings in a nested packed object."""
    if isinstance(value, Tensor):
        return [value], []
    if isinstance(value, str):
        return [], [value]
    if isinstance(value, torch.ScriptObject):
        try:
            value = value.__getstate__()
        except (RuntimeError, AttributeError):  # a class without a state has no tensors to show
            return [], []
    if not isinstance(value, list | tuple):
        return [], []
    parts = [_opened(one) for one in value]
    return [tensor for tensors, _ in parts for tensor in tensors], [word for _, words in parts for word in words]
