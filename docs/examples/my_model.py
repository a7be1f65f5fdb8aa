"""A model of one's own as it stands in a project: token ids of several lengths, packed, with a softmax tied to the embedding."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

IGNORE = -100


class LanguageModel(nn.Module):
    """tokens (batch, time) and lengths (batch,) → logits (batch, time, vocabulary)."""

    def __init__(self, vocabulary=2_000, hidden_size=128, layers=3):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, hidden_size)
        self.lstm = nn.LSTM(hidden_size, hidden_size, layers, batch_first=True)
        self.out = nn.Linear(hidden_size, vocabulary)
        self.out.weight = self.embed.weight

    def forward(self, tokens, lengths):
        packed = pack_padded_sequence(self.embed(tokens), lengths, batch_first=True, enforce_sorted=False)
        hidden, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=tokens.shape[1])
        return self.out(hidden)


def loss(logits, target):
    return cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=IGNORE)


def sentences(batch_size=16, longest=64, vocabulary=2_000):
    """tokens, lengths, and the next token as target; padding counts nowhere."""
    draw = torch.Generator().manual_seed(0)
    lengths = torch.randint(longest // 4, longest + 1, (batch_size,), generator=draw)
    text = torch.randint(1, vocabulary, (batch_size, longest + 1), generator=draw)
    real = torch.arange(longest) < lengths[:, None]
    return text[:, :-1] * real, lengths, text[:, 1:].masked_fill(~real, IGNORE)


def make(batch_size=16, hidden_size=128):
    """What `rnnbench measure docs/examples/my_model.py:make` calls, once for each case."""
    return LanguageModel(hidden_size=hidden_size), sentences(batch_size), loss
