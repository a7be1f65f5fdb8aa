"""Transformer, dense and causal: every position attends to itself and all earlier ones."""

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from rnnbench.case import Case
from rnnbench.variants._attention import WAYS, Pattern, all_keys, blocks, causal, flops, parameters
from rnnbench.variants._memory import Keys
from rnnbench.variants._registry import variant


def dense_causal(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """torch's own attention, a flash kernel if the device has one: memory linear in seq_len, time quadratic."""
    return scaled_dot_product_attention(q, k, v, is_causal=True)


DENSE = Pattern(causal, dense_causal, Keys())


@variant(
    implementations=WAYS,
    source="arXiv 1706.03762; norm before each part, arXiv 2002.04745; no positions",
    flops=flops(lambda case: case.seq_len * (case.seq_len + 1) // 2),
    parameters=parameters,
    state_size=all_keys,
)
def transformer(case: Case) -> nn.Module:
    """Transformer, dense causal attention."""
    return blocks(case, DENSE)
