"""Sliding-window attention by the package local-attention, in rnnbench's own block. A reference for `window_attention`."""

from typing import cast

from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.variants._attention import Attend, Block, Heads, flops, parameters
from rnnbench.variants._deep import directed
from rnnbench.variants._registry import variant
from rnnbench.variants.window_attention import pairs

PACKAGE = "local_attention"


def attend_by_theirs(window: int) -> Attend:
    """The package's attention. Its `window_size` does not count the step itself."""
    from local_attention import LocalAttention

    theirs = LocalAttention(window_size=window - 1, causal=True, exact_windowsize=True, autopad=True, use_rotary_pos_emb=False)
    return lambda q, k, v: cast("Tensor", theirs(q, k, v))


@variant(
    source="github.com/lucidrains/local-attention; no positions",
    flops=flops(pairs),
    parameters=parameters,
    package=PACKAGE,
    axes=("window",),
)
def their_window_attention(case: Case) -> nn.Module:
    """Sliding-window attention by the package local-attention."""
    if case.window == 1:
        raise Unsupported("their_window_attention looks back: window 2 or more, not 1")
    attend = attend_by_theirs(case.window)
    return directed(case, lambda one: Block(one, Heads(one.hidden_size, attend)))
