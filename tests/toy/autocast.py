"""Autocast on `toy`: the rules of CUDA's, from ATen/autocast_mode.h, by their operators' names."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

LOWER = """
    _convolution convolution conv1d conv1d.padding conv2d conv2d.padding conv3d conv3d.padding conv_tbc conv_transpose1d
    conv_transpose2d.input conv_transpose3d.input prelu addmm addmv addr matmul einsum mm mv linalg_vecdot linear addbmm baddbmm bmm
    chain_matmul linalg_multi_dot _thnn_fused_lstm_cell _thnn_fused_gru_cell lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell
    _scaled_dot_product_flash_attention scaled_dot_product_attention
"""
FLOAT32 = """
    acos asin cosh erfinv exp expm1 log log10 log2 log1p reciprocal rsqrt sinh tan pow.Tensor_Scalar pow.Tensor_Tensor pow.Scalar softplus
    layer_norm native_layer_norm rms_norm group_norm frobenius_norm.dim nuclear_norm nuclear_norm.dim cosine_similarity
    poisson_nll_loss cosine_embedding_loss nll_loss nll_loss2d nll_loss_nd hinge_embedding_loss kl_div l1_loss smooth_l1_loss huber_loss
    mse_loss margin_ranking_loss multilabel_margin_loss soft_margin_loss triplet_margin_loss multi_margin_loss
    binary_cross_entropy_with_logits dist pdist cdist renorm logsumexp
"""
FLOAT32_UNLESS_TOLD = """
    prod prod.dim_int softmax.int log_softmax.int cumprod cumsum linalg_vector_norm linalg_matrix_norm linalg_matrix_norm.str_ord
    sum sum.dim_IntList norm.ScalarOpt_dim
"""
WIDEST = "addcdiv addcmul atan2 bilinear cross dot vdot grid_sampler index_put tensordot scatter_add"
PARTS = """
    lstm.input lstm.data gru.input gru.data rnn_tanh.input rnn_tanh.data rnn_relu.input rnn_relu.data cross_entropy_loss
"""

Cast = Callable[[Tensor], Tensor]
_KEYS = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)
_copies: dict[tuple[int, bool], tuple[Tensor, Tensor]] = {}  # a weight and its lower copy, until autocast's outermost block ends


def lower(op: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """In autocast's type; weights are cast once a block."""
    return _call(op, partial(_cached, dtype=torch.get_autocast_dtype("toy")), args, kwargs)


def float32(op: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """In float32."""
    return _call(op, Tensor.float, args, kwargs)


def float32_unless_told(op: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """In float32, where the caller named no type."""
    told = kwargs.get("dtype") is not None or any(isinstance(one, torch.dtype) for one in args)
    return _call(op, (lambda tensor: tensor) if told else Tensor.float, args, kwargs)


def widest(op: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """In the widest type among the arguments."""
    wide = any(one.dtype == torch.float32 for one in args if isinstance(one, Tensor))
    return _call(op, Tensor.float if wide else (lambda tensor: tensor), args, kwargs)


def parts(op: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """By the rules for its parts. inference_mode would hand the operator on whole, and these rules would see nothing."""
    return op._op_dk(torch._C.DispatchKey.CompositeImplicitAutograd, *args, **kwargs)


def _call(op: Any, cast: Cast, args: tuple, kwargs: dict[str, Any]) -> Any:
    with torch._C._ExcludeDispatchKeyGuard(_KEYS):
        return op(*_cast(list(args), cast), **{key: _cast(one, cast) for key, one in kwargs.items()})


def _cast(value: Any, cast: Cast) -> Any:
    if isinstance(value, Tensor):
        eligible = value.is_floating_point() and value.device.type == "toy" and value.dtype != torch.float64
        return cast(value) if eligible else value
    return [_cast(one, cast) for one in value] if isinstance(value, (list, tuple)) else value


def _cached(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    weight = tensor.dtype == torch.float32 and tensor.requires_grad and tensor.is_leaf and not tensor._is_view()
    if tensor.dtype == dtype or not (weight and torch.is_autocast_cache_enabled()):
        return tensor.to(dtype)
    key = (id(tensor), torch.is_grad_enabled())
    if key not in _copies:
        _copies[key] = (tensor, tensor.to(dtype))
    return _copies[key][1]


def _clear_cache(clear: Callable[[], None] = torch.clear_autocast_cache) -> None:
    _copies.clear()
    clear()


_RULES = ((LOWER, lower), (FLOAT32, float32), (FLOAT32_UNLESS_TOLD, float32_unless_told), (WIDEST, widest), (PARTS, parts))


def install() -> list[torch.library.Library]:
    rest = torch.library.Library("_", "IMPL")
    rest.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    ruled = torch.library.Library("aten", "IMPL")
    for names, rule in _RULES:
        for name in names.split():
            packet, _, overload = name.partition(".")
            op = getattr(getattr(torch.ops.aten, packet, None), overload or "default", None)
            if op is not None:  # not every torch has every operator
                ruled.impl(name, partial(lambda op, rule, *args, **kwargs: rule(op, args, kwargs), op, rule), "AutocastPrivateUse1")
    torch.clear_autocast_cache = (
        _clear_cache  # torch.autocast calls it when the outermost block ends; torch's own cache is closed to Python
    )
    return [rest, ruled]
