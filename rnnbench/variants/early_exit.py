"""Early exit: a sequence leaves a deep LSTM at the first layer that is confident enough.

In training, every layer runs and the output is the mean over layers, weighted by the probability of leaving at each; the expected depth
is added to the loss. PonderNet (arXiv 2107.05407) weights the layers' losses by that probability, not their outputs. In inference,
sequences whose confidence reaches `halt_at` leave, and deeper layers read only the others. The confidence is computed from the whole
sequence, so the exit layer depends on all of its steps.
"""

import torch
from torch import Tensor, nn

from rnnbench.axis import Where
from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.variants import lstm
from rnnbench.variants._adaptive import Adaptive
from rnnbench.variants._decode import Streaming
from rnnbench.variants._deep import deep, features
from rnnbench.variants._registry import variant
from rnnbench.variants.residual import first

COST = 0.01  # added to the loss per layer


class EarlyExit(Adaptive):
    """(seq_len, batch, input_size) → (seq_len, batch, features)."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.layers = deep(case, lstm.lstm)
        self.sure = nn.ModuleList(nn.Linear(features(case), 1) for _ in range(case.depth - 1))
        self.halt_at = case.halt_at

    def forward(self, x: Tensor) -> Tensor:
        """All layers in training, as many as needed in inference."""
        return self._mixed(x) if self.training else self._leaving(x)

    def _mixed(self, x: Tensor) -> Tensor:
        left = x.new_ones(x.shape[1], 1)
        depth, out = torch.zeros_like(left), torch.zeros((), device=x.device)
        for number, layer in enumerate(self.layers):
            x = first(layer(x))
            chance = left * self._confidence(number, x) if number < len(self.sure) else left
            out = out + chance * x
            depth = depth + (number + 1) * chance
            left = left - chance
        self.mean_depth = depth.detach().mean()
        self.run_depth = torch.full((), float(len(self.layers)))
        self.cost = COST * depth.mean()
        return out.to(x.dtype)

    def _leaving(self, x: Tensor) -> Tensor:
        going = torch.arange(x.shape[1], device=x.device)
        outputs, order, depths = [], [], []
        for number, layer in enumerate(self.layers):
            x = first(layer(x))
            last = number == len(self.sure)
            leave = torch.ones_like(going, dtype=torch.bool) if last else self._confidence(number, x).squeeze(-1) >= self.halt_at
            outputs.append(x[:, leave])
            order.append(going[leave])
            depths.append((number + 1) * leave.sum())
            x, going = x[:, ~leave], going[~leave]
            if not len(going):
                break
        self.mean_depth = self.run_depth = torch.stack(depths).sum() / sum(len(part) for part in order)
        self.cost = COST * self.mean_depth
        return torch.cat(outputs, 1)[:, torch.cat(order).argsort()]

    def stream(self, name: str) -> Streaming:
        """Raises Unsupported: the exit layer depends on the whole sequence."""
        raise Unsupported(f"{name} cannot decode: at which layer a sequence leaves depends on all of its steps")

    def _confidence(self, number: int, x: Tensor) -> Tensor:
        """(steps, batch, features) → (batch, 1), from 0 to 1."""
        sure: Tensor = self.sure[number](x.mean(0)).sigmoid()
        return sure


def flops(case: Case) -> int:
    """FLOPs of a pass in which every sequence goes through every layer."""
    return lstm.COSTS.flops(case) + 2 * case.batch_size * (case.depth - 1) * features(case)


@variant(
    implementations=lstm.WAYS,
    flops=flops,
    source="exits after arXiv 1709.01686; outputs weighted by learned probabilities, while PonderNet 2107.05407 weights losses",
    parameters=lambda case: lstm.COSTS.parameters(case) + (case.depth - 1) * (features(case) + 1),
    axes={"halt_at": Where({"phase": ("forward", "converge")}, never={"depth": (1,)})},  # training runs every layer
)
def early_exit_lstm(case: Case) -> nn.Module:
    """LSTM with early exit: a sequence leaves at the first layer whose confidence reaches `halt_at`."""
    return EarlyExit(case)
