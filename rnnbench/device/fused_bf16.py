"""cuDNN's recurrent networks in true bf16, with fp32 weights.

Under autocast torch casts `nn.LSTM`, `nn.GRU` and `nn.RNN` on CUDA to fp16, whatever type was asked for (`_cudnn_rnn_cast_reflatten`). Here
they do what autocast does everywhere else: bf16 copies of the fp32 weights for each pass, bf16 in and out, gradients back in fp32.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

LOW = torch.bfloat16


class _Lowered(torch.autograd.Function):
    """Weights in fp32 → the same in bf16: in one buffer, as cuDNN wants them, where they lie in one."""

    @staticmethod
    def forward(_: Any, *weights: Tensor) -> tuple[Tensor, ...]:
        first = weights[0]
        total = sum(weight.numel() for weight in weights)
        together = {weight.untyped_storage().data_ptr() for weight in weights} == {first.untyped_storage().data_ptr()}
        if not together or first.untyped_storage().nbytes() > 2 * total * first.element_size():
            return tuple(weight.to(LOW) for weight in weights)
        buffer = first.new_empty(0).set_(first.untyped_storage()).to(LOW)
        return tuple(buffer.as_strided(weight.size(), weight.stride(), weight.storage_offset()) for weight in weights)

    @staticmethod
    def backward(_: Any, *gradients: Tensor | None) -> Any:
        return tuple(None if gradient is None else gradient.float() for gradient in gradients)


class _TrueBf16:
    """Before nn.LSTM, nn.GRU or nn.RNN among a class's bases: its `forward` in bf16."""

    _flat_weights: list[Tensor]

    def forward(self, x: Any, hx: Any = None) -> Any:
        own = self._flat_weights
        with torch.autocast("cuda", enabled=False):
            self._flat_weights = list(_Lowered.apply(*own))  # type: ignore[no-untyped-call]
            try:
                return super().forward(_low(x), _low(hx))  # type: ignore[misc]
            finally:
                self._flat_weights = own


def run_in_bf16(model: nn.Module) -> int:
    """Make each of torch's fused networks within `model` compute in bf16; how many there are."""
    found = [part for part in model.modules() if isinstance(part, nn.RNNBase) and not issubclass(type(part), _TrueBf16)]
    for part in found:
        kind = type(part)
        part.__class__ = type(kind.__name__, (_TrueBf16, kind), {})  # by class, so that a copy of the module keeps it
    return len(found)


def _low(given: Any) -> Any:
    """Tensors of floats in bf16, within a sequence of states too."""
    if isinstance(given, PackedSequence):
        return given._replace(data=given.data.to(LOW))
    if isinstance(given, Sequence):
        return tuple(_low(one) for one in given)
    return given.to(LOW) if isinstance(given, Tensor) and given.is_floating_point() else given
