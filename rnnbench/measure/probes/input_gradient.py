"""The gradient of a network's own input: FLOPs that a backward pass can omit, because nothing needs it.

Autograd omits these products; a kernel that computes the whole backward pass does not. oneDNN's LSTM on a CPU and cuDNN's recurrent
networks always compute the gradient of their input (torch's `mkldnn_rnn_layer_backward` and `_cudnn_rnn_backward`).
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from rnnbench.case import Case
from rnnbench.measure.network import network, on_meta, output_of

STEPS = 2  # a translation has a source and a target
ONEDNN_LSTM = "mkldnn_rnn_layer"


def spared(case: Case) -> int:
    """FLOPs of the products that a step's backward pass omits. Raises LookupError if the network cannot be run on meta tensors or a CPU."""
    way = "fused" if case.implementation == "triton" else case.implementation  # the same products; a kernel needs its device
    small = replace(
        case, implementation=way, depth=1, seq_len=STEPS, batch_size=1, precision="fp32", execution="eager", suite="none", seed=0
    )
    left_out = _products(small) - (_in_kernels(small) if _kernels_compute_it(case.device) else 0)
    return left_out * case.seq_len * case.batch_size // STEPS


@lru_cache(maxsize=256)
def _products(case: Case) -> int:
    """Backward FLOPs over two steps of one sequence, with the gradient of the input minus without it."""
    return _backward_flops(case, wanted=True) - _backward_flops(case, wanted=False)


def _backward_flops(case: Case, *, wanted: bool) -> int:
    for device in ("meta", "cpu"):  # code that reads values cannot run on meta tensors
        try:
            model, x = _made(case, device)
            output = output_of(model(x.requires_grad_(wanted)))
            with FlopCounterMode(display=False) as counter:
                output.sum().backward()
            return int(counter.get_total_flops())
        except (RuntimeError, NotImplementedError) as error:
            reason = str(error).splitlines()[0]
    raise LookupError(f"it is unknown whether the gradient of the input is computed: {reason}")


@lru_cache(maxsize=256)
def _in_kernels(case: Case) -> int:
    """FLOPs of the input products in torch's own networks that read the input directly, in the same pass."""
    found: list[int] = []

    def note(network: nn.Module, arguments: tuple[Any, ...], _: object) -> None:
        assert isinstance(network, nn.RNNBase)
        x = arguments[0]
        if not x.requires_grad and _one_kernel(network, case.device):
            gates, ways = network.all_weights[0][0].shape[0], 2 if network.bidirectional else 1
            found.append(2 * x.shape[0] * x.shape[1] * gates * network.input_size * ways)

    for device in ("meta", "cpu"):
        try:
            model, x = _made(case, device)
            hooks = [part.register_forward_hook(note) for part in model.modules() if isinstance(part, nn.RNNBase)]
            model(x)
            for hook in hooks:
                hook.remove()
            return sum(found)
        except (RuntimeError, NotImplementedError):
            found.clear()
    return 0


def _made(case: Case, device: str) -> tuple[nn.Module, Tensor]:
    model = on_meta(lambda: network(case)) if device == "meta" else network(case)
    return model, torch.zeros(case.seq_len, case.batch_size, case.input_size, device=device)


def _kernels_compute_it(device: str) -> bool:
    """Whether any of the device's fused networks computes the gradient of its input even if it is not required."""
    return device.startswith("cuda") or (device == "cpu" and lstm_is_onednn())


def _one_kernel(network: nn.RNNBase, device: str) -> bool:
    return device.startswith("cuda") or network.mode == "LSTM"


@lru_cache(maxsize=1)
def lstm_is_onednn() -> bool:
    """Whether torch uses oneDNN for an LSTM on this CPU, judged by the operators that it dispatches."""

    class Seen(TorchDispatchMode):
        names: set[str] = set()  # noqa: RUF012 - of this one use

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.names.add(func.__name__.partition(".")[0])
            return func(*args, **(kwargs or {}))

    small = nn.LSTM(1, 1)
    with Seen() as seen:  # type: ignore[no-untyped-call]
        small(torch.zeros(1, 1, 1))
    return ONEDNN_LSTM in seen.names
