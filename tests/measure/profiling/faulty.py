"""Models with one fault each."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Net(nn.Module):
    """A layer, what is asked of its output, and a head."""

    def __init__(self, rnn, width=None, dtype=torch.float32, ask=lambda y: y):
        super().__init__()
        self.rnn, self.ask = rnn, ask
        self.head = nn.Linear(width or getattr(rnn, "proj_size", 0) or 32, 4, dtype=dtype)

    def forward(self, x):
        found = self.rnn(x)
        return self.head(self.ask(found[0] if isinstance(found, tuple) else found))


class Packs(nn.Module):
    """Packs what it gets, as long as each sequence is."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(16, 32, 2)

    def forward(self, x, lengths):
        return pad_packed_sequence(self.lstm(pack_padded_sequence(x, lengths, enforce_sorted=False))[0])[0]
