"""What the tests of the toy accelerator share: small models, a twin on each device, and a process of its own."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).parent
PRECISIONS = {
    "fp32": (None, 1e-5),
    "bf16": (torch.bfloat16, 4e-2),
    "fp16": (torch.float16, 5e-3),
}  # autocast's type, relative error allowed


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(4, 24)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, 2, 4)).transpose(-2, -4).unbind(-3)
        return nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


class Tokens(nn.Module):
    """Embedding, recurrence, cross-entropy's logits."""

    def __init__(self):
        super().__init__()
        self.embed, self.rnn, self.out = nn.Embedding(10, 4), nn.GRU(4, 5), nn.Linear(5, 10)

    def forward(self, x):
        return self.out(self.rnn(self.embed((x.abs() * 5).long().clamp(max=9)[..., 0]))[0])


MODELS = {
    "linear": lambda: nn.Linear(4, 6),
    "tanh": lambda: nn.RNN(4, 6, 2),
    "relu": lambda: nn.RNN(4, 6, 2, nonlinearity="relu", bidirectional=True),
    "lstm": lambda: nn.LSTM(4, 6, 3),
    "lstm, both ways": lambda: nn.LSTM(4, 6, 2, bidirectional=True, batch_first=True),
    "lstm, no bias": lambda: nn.LSTM(4, 6, bias=False),
    "gru": lambda: nn.GRU(4, 6, 2),
    "gru, both ways": lambda: nn.GRU(4, 6, 2, bidirectional=True),
    "lstm cell": lambda: nn.LSTMCell(4, 6),
    "gru cell": lambda: nn.GRUCell(4, 6),
    "rnn cell": lambda: nn.RNNCell(4, 6),
    "layer norm": lambda: nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8)),
    "conv1d": lambda: nn.Conv1d(3, 5, 2),
    "attention": Attention,
    "tokens": Tokens,
}


def first(out):
    return out[0] if isinstance(out, tuple) else out


def twins(make):
    """The same model on the CPU and on toy."""
    torch.manual_seed(0)
    model = make()
    return model, copy.deepcopy(model).to("toy")


def error(a, b):
    """Relative to the size of the second."""
    a, b = a.detach().cpu().float(), b.detach().float()
    return ((a - b).norm() / b.norm().clamp(min=1e-3)).item()


def run_python(code, cwd="/", **env):
    ran = subprocess.run([sys.executable, "-c", code], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
