"""Matrix products for hand-written passes: the fastest on a device for one weight that is used many times."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from rnnbench.variants._passes import once, product_type, run

ONEDNN: Any = torch.ops.mkldnn if torch.backends.mkldnn.is_available() else None
if ONEDNN:  # used by torch.compile's CPU code; on AMD CPUs twice as fast as MKL, which torch uses for fp32 products
    _linear, _pack = ONEDNN._linear_pointwise, ONEDNN._reorder_linear_weight  # noqa: SLF001
    _BF16 = bool(ONEDNN._is_mkldnn_bf16_supported())  # noqa: SLF001


def _has_onednn(x: Tensor) -> bool:
    if x.device.type != "cpu" or not ONEDNN or torch.compiler.is_compiling():  # a compiler generates its own products
        return False
    return x.dtype == torch.float32 or (x.dtype == torch.bfloat16 and _BF16)


class Product:
    """x (rows, inputs) ↦ x Wᵀ + other (rows, outputs), for one W (outputs, inputs) used at every step. Keeps no graph."""

    def __init__(self, weight: Tensor, rows: int) -> None:
        self.onednn = _has_onednn(weight)
        self.weight = _pack(weight.detach().contiguous(), rows) if self.onednn else weight.t()

    def __call__(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """The product, plus `other` (rows, outputs) if given."""
        if self.onednn:
            if other is None:
                return _onednn(x, self.weight)
            made: Tensor = _linear.binary(x, other, self.weight, None, "add")
            return made
        return x @ self.weight if other is None else torch.addmm(other, x, self.weight)


def product(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """(…, k) and (n, k) → (…, n), plus the bias (n). Keeps no graph."""
    if _has_onednn(a):
        return _onednn(_dense(a), _dense(b), bias)
    return functional.linear(a, b, bias)


def _onednn(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    made: Tensor = _linear(a, b, bias, "none", [], "")
    return made


def _dense(a: Tensor) -> Tensor:
    """A contiguous tensor: oneDNN accepts others, but is a thousand times slower with them."""
    return a if a.is_contiguous() or (a.dim() == 2 and a.t().is_contiguous()) else a.contiguous()


def weight_gradient(d_y: Tensor, x: Tensor) -> Tensor:
    """(…, outputs) and (…, inputs) of the same steps → the gradient of a weight (outputs, inputs), in one product. Keeps no graph."""
    rows, given = d_y.flatten(0, -2), x.flatten(0, -2)
    if len(rows) and d_y.dtype == torch.float32 and _has_onednn(d_y):
        return product(given.t(), rows.t()).t()
    return rows.t() @ given


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """torch's `linear`, computed by oneDNN in fp32 on a CPU. x: (…, inputs), weight: (outputs, inputs) → (…, outputs)."""
    if product_type(x) == torch.float32 and _has_onednn(x):
        return run(_Linear, x, weight, bias)
    return functional.linear(x, weight, bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.biased = bias is not None
        return product(x, weight, bias)

    @staticmethod
    @once
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        dx = product(dy, weight.t()) if ctx.needs_input_grad[0] else None
        return dx, weight_gradient(dy, x), dy.flatten(0, -2).sum(0) if ctx.biased else None
