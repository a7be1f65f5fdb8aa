"""FLOPs of any model: torch's counter for what it sees, formulas for the fused recurrent layers that it does not."""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.rnn import PackedSequence
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from rnnbench.measure.probes.input_gradient import lstm_is_onednn

_GATES = {nn.LSTM: 4, nn.GRU: 3, nn.RNN: 1}
_HEAVY = re.compile(r"attention|lstm|gru|rnn|transformer|quantized|mkldnn|fft")
_LIGHT = re.compile(r"_thnn_fused_\w+_cell|attention_mask")  # the products of a fused cell are operators of their own
_OURS = ("aten", "prims", "prim", "profiler", "inductor")


class _Seen(TorchDispatchMode):
    """Notes the operators that hold products and that torch's counter does not know. `within` counts open recurrent layers."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.uncounted: dict[str, int] = {}
        self.within = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet, name = func._overloadpacket, func._schema.name  # noqa: SLF001 - torch's own counter looks them up so
        heavy = func.namespace not in _OURS or (_HEAVY.search(name) and not _LIGHT.search(name))
        if heavy and packet not in flop_registry and not self.within:
            self.uncounted[name] = self.uncounted.get(name, 0) + 1
        return func(*args, **(kwargs or {}))


def forward_flops(model: nn.Module, forward: Callable[[], object]) -> tuple[int, int]:
    """FLOPs in the products of one forward pass, two per multiply-add, and those that its backward pass omits: gradients of inputs that do
    not require one, and of frozen weights. Raises LookupError with the reason if they cannot be counted.

    `forward()` calls the model as it is, not compiled. Attention is computed step by step for this, where the counter sees it.
    """
    counter, seen = FlopCounterMode(display=False), _Seen()
    by_formula = inside = spared = 0
    entered: list[int] = []
    lstm_is_onednn()  # runs an LSTM, and keeps the answer: within the counter it would be counted

    def enter(*_: Any) -> None:
        entered.append(counter.get_total_flops())
        seen.within += 1

    def leave(layer: nn.Module, args: Any, _output: Any) -> None:
        nonlocal by_formula, inside, spared
        seen.within -= 1
        inside += counter.get_total_flops() - entered.pop()
        assert isinstance(layer, nn.RNNBase)
        rows, data = _rows(args[0]), _data(args[0])
        whole = layer_flops(layer, rows)
        by_formula += whole
        of_input = 2 * rows * (2 if layer.bidirectional else 1) * _gates(layer) * layer.hidden_size * layer.input_size
        spared += _omitted(layer, whole, of_input, data, whole_kernel=_is_one_kernel(layer, args[0]))

    def linear(layer: nn.Module, args: Any) -> None:
        nonlocal spared
        assert isinstance(layer, nn.Linear)
        products = 2 * _rows(args[0]) * layer.in_features * layer.out_features
        spared += _omitted(layer, products, products, args[0], whole_kernel=False)

    layers = [part for part in model.modules() if isinstance(part, nn.RNNBase)]
    hooks = [layer.register_forward_pre_hook(enter) for layer in layers] + [layer.register_forward_hook(leave) for layer in layers]
    hooks += [part.register_forward_pre_hook(linear) for part in model.modules() if type(part) is nn.Linear]
    try:
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), counter, seen:
            forward()
    finally:
        for hook in hooks:
            hook.remove()
    if seen.uncounted:
        found = ", ".join(f"{name} ({calls}×)" for name, calls in seen.uncounted.items())
        raise LookupError(f"torch's counter does not know {found}")
    total = counter.get_total_flops() - inside + by_formula
    if not total:
        raise LookupError("its forward pass has no matrix product")
    return int(total), spared


def _omitted(layer: nn.Module, weights: int, of_input: int, data: Tensor, *, whole_kernel: bool) -> int:
    """What a layer's backward pass omits of its gradients: `weights` FLOPs for those of its weights, as many as its forward pass, and
    `of_input` for that of its input. A fused kernel computes everything if it runs at all."""
    frozen = not any(one.requires_grad for one in layer.parameters())
    if frozen and not data.requires_grad:
        return 2 * weights  # no backward pass
    if whole_kernel:
        return 0
    return weights * frozen + of_input * (not data.requires_grad)


def _is_one_kernel(layer: nn.RNNBase, inputs: Tensor | PackedSequence) -> bool:
    """Whether torch runs the layer's backward pass in a kernel that computes every gradient: cuDNN's networks, and oneDNN's LSTM."""
    data = _data(inputs)
    if data.is_cuda:
        return True
    plain = not isinstance(inputs, PackedSequence) and data.dtype is not torch.float64 and not layer.proj_size
    return data.device.type == "cpu" and plain and layer.mode == "LSTM" and lstm_is_onednn()


def layer_flops(layer: nn.RNNBase, rows: int) -> int:
    """FLOPs in the products of torch's LSTM, GRU or RNN over so many time steps of all sequences together."""
    gates = _gates(layer)
    ways, hidden, projected = 2 if layer.bidirectional else 1, layer.hidden_size, layer.proj_size
    carried = projected or hidden
    products = 0
    for depth in range(layer.num_layers):
        inputs = layer.input_size if depth == 0 else carried * ways
        products += ways * (gates * hidden * (inputs + carried) + hidden * projected)
    return 2 * rows * products


def _gates(layer: nn.RNNBase) -> int:
    return next(count for kind, count in _GATES.items() if isinstance(layer, kind))


def _data(inputs: Tensor | PackedSequence) -> Tensor:
    return inputs.data if isinstance(inputs, PackedSequence) else inputs


def _rows(inputs: Tensor | PackedSequence) -> int:
    """Time steps of all sequences together; padding is computed too where it was not packed away."""
    data = _data(inputs)
    return data.numel() // data.shape[-1]
