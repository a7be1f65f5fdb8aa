"""Linear attention: a running sum of φ(k) vᵀ instead of a softmax over scores, φ = elu + 1."""

from torch import Tensor, nn
from torch.nn.functional import elu, pad

from rnnbench.case import Case
from rnnbench.variants._attention import WAYS, Block, Heads, heads_of, in_blocks, out_of_blocks, parameters
from rnnbench.variants._attention import flops as block_flops
from rnnbench.variants._deep import directed
from rnnbench.variants._memory import Sum
from rnnbench.variants._registry import variant

CHUNK = 64  # steps per chunk: the number of features per head is cheapest


def feature(x: Tensor) -> Tensor:
    """φ(x), which is positive."""
    return elu(x) + 1


def written_out(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The reference with all scores: Σ_{j ≤ i} φ(qᵢ)·φ(kⱼ) vⱼ ÷ Σ_{j ≤ i} φ(qᵢ)·φ(kⱼ)."""
    scores = (feature(q) @ feature(k).transpose(-1, -2)).tril()
    return scores @ v / scores.sum(-1, keepdim=True)


def chunked(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Scores within each chunk plus the running sum of earlier chunks: time and memory linear in seq_len."""
    size = min(CHUNK, q.shape[-2])
    values = pad(v, (0, 1), value=1.0)  # a column of ones, whose sum is the divisor
    q, k, values = (in_blocks(x, size).unflatten(1, (-1, size)) for x in (q, k, values))
    q, k = feature(q), feature(k)  # after padding, because φ(0) is one, which would count in the divisor
    own = (q @ k.transpose(-1, -2)).tril() @ values
    before = pad((k.transpose(-1, -2) @ values)[:, :-1].cumsum(1), (0, 0, 0, 0, 1, 0))
    read = own + q @ before.to(q.dtype)
    out = read[..., :-1] / read[..., -1:]
    return out_of_blocks(out.flatten(1, 2), v)


def flops(case: Case) -> int:
    """FLOPs with the running sum: φ(k) vᵀ and φ(q) Σ, each the square of a head's size, and the divisor."""
    return block_flops(lambda case: case.seq_len * (case.hidden_size // heads_of(case.hidden_size) + 1))(case)


def state_size(case: Case) -> int:
    """The running sums."""
    size = case.hidden_size // heads_of(case.hidden_size)
    return case.depth * case.hidden_size * (size + 1)


@variant(implementations=WAYS, source="arXiv 2006.16236; no positions", flops=flops, parameters=parameters, state_size=state_size)
def linear_attention(case: Case) -> nn.Module:
    """Linear attention, causal, read chunk by chunk."""
    attend = chunked if case.implementation == "fused" else written_out
    return directed(case, lambda one: Block(one, Heads(one.hidden_size, attend, Sum())))
