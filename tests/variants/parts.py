"""What the tests of variants share: modules in double precision, and what comes out of them with every gradient."""

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from rnnbench.measure.workload import output_of
from rnnbench.variants import VARIANTS
from tests.tools import small_case

SHAPES = st.fixed_dictionaries(
    {
        "depth": st.integers(1, 3),
        "hidden_size": st.integers(1, 9),
        "input_size": st.integers(1, 7),
        "batch_size": st.integers(1, 4),
        "seq_len": st.integers(1, 6),
        "bidirectional": st.booleans(),
    }
)
RECURRENT = (
    *("elman", "elman_relu", "lstm", "gru"),
    *("ln_lstm", "ln_lstm_gates", "res_lstm", "res_ln_lstm", "highway_lstm", "drop_lstm"),
    *("sru", "qrnn", "min_gru", "min_lstm", "rg_lru", "slstm", "mlstm"),
)
WAYS = {name: [way for way in VARIANTS[name].implementations if way != "triton"] for name in RECURRENT}  # kernels: tests/kernels
EVERY = [(name, way) for name in RECURRENT for way in WAYS[name]]
FASTER = [(name, way) for name, way in EVERY if way != "loop"]


def built(name: str, way: str, fields: dict, seed: int = 0, dtype: torch.dtype = torch.float64) -> nn.Module:
    """A variant's module for a small case."""
    torch.manual_seed(seed)
    return VARIANTS[name].module(small_case(variant=name, implementation=way, **fields)).to(dtype)


def input_for(fields: dict, dtype: torch.dtype = torch.float64) -> Tensor:
    """(seq_len, batch, input_size), always the same for a shape."""
    case = small_case(**fields)
    return torch.randn(case.seq_len, case.batch_size, case.input_size, generator=torch.Generator().manual_seed(1)).to(dtype)


def outcome(model: nn.Module, x: Tensor, precision: torch.dtype | None = None) -> list[Tensor]:
    """The output, and the gradients of the input and of every weight; dropout draws the same each time."""
    x = x.clone().requires_grad_()
    torch.manual_seed(2)
    with torch.autocast(x.device.type, dtype=precision or torch.bfloat16, enabled=precision is not None):
        output = output_of(model(x))
    towards = torch.sin(torch.arange(output.numel(), dtype=x.dtype)).view(output.shape).to(x.device)
    (output.to(x.dtype) * towards).sum().backward()
    return [output.detach(), x.grad, *(p.grad for p in model.parameters())]
