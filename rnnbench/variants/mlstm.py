"""mLSTM of xLSTM: a matrix memory that keys and values write and queries read, with exponential gates."""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, pad

from rnnbench.case import Case
from rnnbench.variants._costs import Costs, heads_of
from rnnbench.variants._deep import Layer, State, directed, uniform, weight
from rnnbench.variants._passes import wide_type
from rnnbench.variants._product import linear
from rnnbench.variants._registry import variant

CHUNK = 64  # steps computed as attention; only the memory passes between chunks
RANGE = 40.0  # limit of |m| in e^−m, which would otherwise overflow or become 0


def projected(hidden: int) -> int:
    """Output features of the projection: queries, keys, values, output gate, and two scalar gates per head."""
    return 4 * hidden + 2 * heads_of(hidden)


COSTS = Costs(
    products=lambda inputs, hidden: projected(hidden) * inputs + 2 * hidden * (hidden // heads_of(hidden) + 1),
    parameters_of=lambda inputs, hidden: projected(hidden) * (inputs + 1),
    state=lambda _, hidden: hidden * (hidden // heads_of(hidden) + 1) + heads_of(hidden),
)


class Mlstm(Layer):
    """The normaliser is an extra row of the memory, whose value is always 1."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.heads = heads_of(self.hidden)
        self.part = self.hidden // self.heads
        self.weight, self.bias = weight(projected(self.hidden), self.inputs), weight(projected(self.hidden))
        uniform(self.weight, self.bias, hidden=self.hidden)

    def start(self, x: Tensor) -> State:
        """An empty memory (batch, heads, part + 1, part), and the stabiliser (batch, heads) below every gate."""
        memory = x.new_zeros(len(x), self.heads, self.part + 1, self.part)
        return memory, memory.new_full(memory.shape[:2], -torch.inf)

    def project(self, x: Tensor) -> Tensor:
        """W x + b: (…, inputs) → (…, projected)."""
        return linear(x, self.weight, self.bias)

    def parts(self, p: Tensor) -> tuple[Tensor, ...]:
        """q, k, v (…, heads, part), the output gate (…, hidden), log i and log f (…, heads)."""
        p = p.to(wide_type(p.dtype))
        q, k, v, o, i, f = p.split((*[self.hidden] * 4, self.heads, self.heads), -1)
        q, k, v = (one.unflatten(-1, (self.heads, self.part)) for one in (q, k, v))
        return q, k * self.part**-0.5, torch.cat((v, torch.ones_like(v[..., :1])), -1), o.sigmoid(), i, logsigmoid(f)

    def recur(self, p: Tensor, state: State) -> tuple[Tensor, State]:
        """m' = max(log f + m, log i); C' = f C + i (v, 1) kᵀ, both gates over e^m'; h = σ(o) · C' q / max(|n' q|, e^−m')."""
        memory, m = state
        q, k, v, o, i, f = self.parts(p)
        before, m = f + m, torch.maximum(f + m, i)
        forget, enter = (before - m).exp(), (i - m).exp()
        memory = forget[..., None, None] * memory + (enter[..., None] * v)[..., None] @ k[..., None, :]
        read = (memory @ q[..., None])[..., 0]
        return o * _normalised(read, m).flatten(-2), (memory, m)

    def fused(self, x: Tensor) -> Tensor:
        """Attention within all chunks at once; a recurrence only from chunk to chunk."""
        steps, batch, _ = x.shape
        *qkv, o, i, f = self.parts(self.project(x))
        size = min(CHUNK, steps)
        short = -steps % size
        q, k, v = (pad(one, (0, 0) * 3 + (0, short)).unflatten(0, (-1, size)).permute(0, 2, 3, 1, 4) for one in qkv)
        i, f = (
            pad(one, (0, 0) * 2 + (0, short), value=empty).unflatten(0, (-1, size)).permute(0, 2, 3, 1)
            for one, empty in ((i, -torch.inf), (f, 0.0))
        )
        read = _chunks(q, k, v, i, f)  # (chunks, batch, heads, size, part)
        return o * read.permute(0, 3, 1, 2, 4).reshape(steps + short, batch, self.hidden)[:steps]


def _normalised(read: Tensor, m: Tensor) -> Tensor:
    """(…, part + 1) → (…, part): divided by the normaliser's output, at least e^−m."""
    return read[..., :-1] / torch.maximum(read[..., -1].abs(), (-m).clamp(-RANGE, RANGE).exp())[..., None]


def _chunks(q: Tensor, k: Tensor, v: Tensor, log_i: Tensor, log_f: Tensor) -> Tensor:
    """q, k, v: (chunks, batch, heads, size, …); gates: (chunks, batch, heads, size). The stabilisers cancel: no gradient through them."""
    size = q.shape[-2]
    decay = log_f.cumsum(-1)  # from the chunk's start to each step
    total = decay[..., -1]
    leaving = total[..., None] - decay + log_i  # weight of each step at the end of its chunk
    local_m = leaving.detach().amax(-1)
    added = ((leaving - local_m[..., None]).exp()[..., None] * v).transpose(-1, -2) @ k

    memory, m = torch.zeros_like(added[0]), torch.full_like(local_m[0], -torch.inf)
    memories, ms = [], []
    for add, its_m, passed in zip(added, local_m, total, strict=True):
        memories.append(memory)
        ms.append(m)
        new_m = torch.maximum((passed + m).detach(), its_m)
        memory = (passed + m - new_m).exp()[..., None, None] * memory + (its_m - new_m).exp()[..., None, None] * add.to(memory.dtype)
        m = new_m
    memory, m = torch.stack(memories), torch.stack(ms)

    within = decay[..., None] - decay[..., None, :] + log_i[..., None, :]
    within = within.masked_fill(torch.ones(size, size, dtype=torch.bool, device=q.device).triu(1), -torch.inf)
    before = decay + m[..., None]
    top = torch.maximum(within.detach().amax(-1), before.detach())
    scores = (q @ k.transpose(-1, -2)) * (within - top[..., None]).exp()
    read = scores @ v + (before - top).exp()[..., None] * (q @ memory.transpose(-1, -2))
    return _normalised(read.to(top.dtype), top)


@variant(
    implementations=("loop", "hoisted", "fused"),
    source="arXiv 2405.04517, without the block around it",
    flops=COSTS.flops,
    parameters=COSTS.parameters,
    state_size=COSTS.state_size,
)
def mlstm(case: Case) -> nn.Module:
    """mLSTM of xLSTM: matrix memory, up to 4 heads, read in chunks."""
    return directed(case, Mlstm)
