"""Networks as they are written in papers, answers and tutorials, each measured as it stands: `python docs/examples/snippets.py [SECONDS]`.

One of them does not run in plain PyTorch, and its row says why: nn.Sequential hands the next nn.LSTM the tuple that the first returned.
"""

import itertools
import sys

import torch
from torch import nn
from torch.nn.functional import mse_loss

import rnnbench


class LayerNormLSTMCell(nn.Module):
    """An LSTM cell that normalises its gates and its state."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.from_x = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.from_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.norm_gates, self.norm_state = nn.LayerNorm(4 * hidden_size), nn.LayerNorm(hidden_size)

    def forward(self, x, state):
        h, c = state
        i, f, g, o = self.norm_gates(self.from_x(x) + self.from_h(h)).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * self.norm_state(c).tanh(), c


class Unrolled(nn.Module):
    """A cell over the time steps of (batch, time, features)."""

    def __init__(self, cell, hidden_size):
        super().__init__()
        self.cell, self.hidden_size = cell, hidden_size

    def forward(self, x):
        h = c = x.new_zeros(len(x), self.hidden_size)
        outputs = []
        for step in x.unbind(1):
            h, c = self.cell(step, (h, c))
            outputs.append(h)
        return torch.stack(outputs, 1)


class ResidualLSTM(nn.Module):
    """Layers whose input is added to their output."""

    def __init__(self, size, layers):
        super().__init__()
        self.layers = nn.ModuleList(nn.LSTM(size, size, batch_first=True) for _ in range(layers))

    def forward(self, x):
        for layer in self.layers:
            x = x + layer(x)[0]
        return x


class EncoderDecoder(nn.Module):
    """Four layers read the source, four that start from their state write the target."""

    def __init__(self, input_size=300, hidden_size=512, layers=4):
        super().__init__()
        self.encoder = nn.LSTM(input_size, hidden_size, layers, batch_first=True)
        self.decoder = nn.LSTM(input_size, hidden_size, layers, batch_first=True)

    def forward(self, source, target):
        _, state = self.encoder(source)
        return self.decoder(target, state)[0]


class Speech(nn.Module):
    """What the Sequential below was meant to be: each layer gets the sequence that the one before it returned."""

    def __init__(self, sizes=(80, 256, 256)):
        super().__init__()
        self.layers = nn.ModuleList(nn.LSTM(a, b, batch_first=True) for a, b in itertools.pairwise(sizes))
        self.out = nn.Linear(sizes[-1], 29)

    def forward(self, x):
        for layer in self.layers:
            x, _ = layer(x)
        return self.out(x)


class GRUWithHead(nn.Module):
    """A value for each sequence, from the state after its last step."""

    def __init__(self):
        super().__init__()
        self.gru, self.head = nn.GRU(10, 64, batch_first=True), nn.Linear(64, 1)

    def forward(self, x):
        return self.head(self.gru(x)[1][-1])


def squared_error(output, target):
    """Against the output, or the first of a tuple: torch's recurrent layers return (output, state)."""
    return mse_loss(output[0] if isinstance(output, tuple) else output, target)


NETWORKS = {  # name: (model, inputs, shape of the target)
    "lstm": (lambda: nn.LSTM(input_size=100, hidden_size=128, num_layers=3, batch_first=True), [(32, 50, 100)], (32, 50, 128)),
    "bidirectional": (lambda: nn.LSTM(100, 128, num_layers=3, batch_first=True, bidirectional=True), [(32, 50, 100)], (32, 50, 256)),
    "layer_norm_lstm": (lambda: Unrolled(LayerNormLSTMCell(100, 128), 128), [(32, 50, 100)], (32, 50, 128)),
    "residual_lstm": (lambda: ResidualLSTM(128, layers=4), [(32, 50, 128)], (32, 50, 128)),
    "encoder_decoder": (EncoderDecoder, [(16, 20, 300), (16, 20, 300)], (16, 20, 512)),
    "speech_as_written": (
        lambda: nn.Sequential(nn.LSTM(80, 256, batch_first=True), nn.LSTM(256, 256, batch_first=True), nn.Linear(256, 29)),
        [(8, 100, 80)],
        (8, 100, 29),
    ),
    "speech_as_meant": (Speech, [(8, 100, 80)], (8, 100, 29)),
    "gru_with_head": (GRUWithHead, [(32, 50, 10)], (32, 1)),
}


def measured(budget="quick"):
    """A forward pass and a train step of each."""
    records = rnnbench.Records()
    for name, (make, inputs, target) in NETWORKS.items():
        batch = (*map(torch.randn, inputs), torch.randn(target))
        records += rnnbench.measure(make(), batch, loss=squared_error, name=name, budget=budget)
    return records


if __name__ == "__main__":
    print(measured(*map(float, sys.argv[1:])))
