"""cuDNN's recurrent networks in true bf16, with fp32 weights.

Under autocast torch casts `nn.LSTM`, `nn.GRU` and `nn.RNN` on CUDA to fp16, whatever its dtype (`_cudnn_rnn_cast_reflatten`). Here they do
what autocast does everywhere else: each pass uses bf16 copies of the fp32 weights, inputs and outputs are bf16, gradients are fp32.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

LOW = torch.bfloat16


class _Lowered(torch.autograd.Function):
    """Casts fp32 weights to bf16. If they share one flat buffer, so do the copies, because cuDNN needs that."""

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
    """A mixin in front of nn.LSTM, nn.GRU or nn.RNN that runs `forward` in bf16."""

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
    """Make each of torch's fused networks in `model` compute in bf16. Returns their number."""
    found = [part for part in model.modules() if isinstance(part, nn.RNNBase) and not issubclass(type(part), _TrueBf16)]
    for part in found:
        kind = type(part)
        part.__class__ = type(kind.__name__, (_TrueBf16, kind), {})  # changing the class, so that copies of the module keep it
    return len(found)


def _low(given: Any) -> Any:
    """Casts floating-point tensors to bf16, also within sequences of states."""
    if isinstance(given, PackedSequence):
        return given._replace(data=given.data.to(LOW))
    if isinstance(given, Sequence):
        return tuple(_low(one) for one in given)
    return given.to(LOW) if isinstance(given, Tensor) and given.is_floating_point() else given
