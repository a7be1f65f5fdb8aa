"""Networks as users bring them: nothing in them knows rnnbench."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

VOCABULARY, HIDDEN, IGNORE = 50, 16, -100
LENGTHS = (7, 3, 5, 2)


class LanguageModel(nn.Module):
    """Three layers between an embedding and the softmax that is tied to it; sequences of several lengths are packed."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, HIDDEN)
        self.lstm = nn.LSTM(HIDDEN, HIDDEN, 3, batch_first=True)
        self.out = nn.Linear(HIDDEN, VOCABULARY)
        self.out.weight = self.embed.weight

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embed(tokens), lengths, batch_first=True, enforce_sorted=False)
        return self.out(pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=tokens.shape[1])[0])


def sentences(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """tokens, lengths, targets: 17 tokens among 28 positions."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(1, VOCABULARY, (len(LENGTHS), max(LENGTHS)), generator=generator)
    lengths = torch.tensor(LENGTHS)
    real = torch.arange(max(LENGTHS)) < lengths[:, None]
    return tokens * real, lengths, tokens.masked_fill(~real, IGNORE)


def without_padding(logits: Tensor, target: Tensor) -> Tensor:
    return cross_entropy(logits.flatten(0, 1).float(), target.flatten(), ignore_index=IGNORE)


class Stateful(nn.Module):
    """Goes on from where the last batch ended."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 4)
        self.state: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        state = self.cell(x, self.state)
        self.state = state.detach()
        return state


@dataclass
class Output:
    """As many libraries return it."""

    logits: Tensor
    loss: Tensor | None = None


class Tagger(nn.Module):
    """Takes keywords, and returns a dataclass with its loss where it is given labels."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(VOCABULARY, HIDDEN), nn.Linear(HIDDEN, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None) -> Output:
        logits = self.out(self.embed(input_ids))
        return Output(logits, None if labels is None else cross_entropy(logits.flatten(0, 1), labels.flatten()))


class Packed(nn.Module):
    """Takes a PackedSequence and gives one."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(4, 8)

    def forward(self, x: PackedSequence) -> PackedSequence:
        return self.gru(x)[0]


class ItsOwnLoss(nn.Module):
    """Returns a number."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x).square().mean()


class Buffers(nn.Module):
    """Has a buffer, and no parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class Frozen(nn.Module):
    """Half of it does not learn."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(4, 4, bias=False), nn.Linear(4, 2, bias=False)
        self.body.requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class OnlyInFull(nn.Module):
    """Refuses what autocast makes of its input."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        if y.dtype != torch.float32:
            raise RuntimeError(f"no kernel for {y.dtype}")
        return y


def squared(output: Tensor, target: Tensor) -> Tensor:
    return mse_loss(output, target)


def make(batch_size: int = 4) -> tuple[nn.Module, Tensor, object]:
    return ItsOwnLoss(), torch.ones(batch_size, 4), None


def raises() -> nn.Module:
    raise FileNotFoundError("weights.pt")


def returns_nothing() -> None:
    pass


def needs_gpu() -> nn.Module:
    raise AssertionError("Torch not compiled with CUDA enabled")


def plain_lstm(case):
    return nn.LSTM(case.input_size, case.hidden_size, case.depth, batch_first=True)


def takes_vocab(vocab):
    return nn.Embedding(vocab, 4)
