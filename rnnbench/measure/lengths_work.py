"""A variant on batches of sequences of unlike length: padded, packed, or sorted by length and cut into batches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import Format, autocast, moved
from rnnbench.errors import Unsupported
from rnnbench.measure.lengths import DRAWN, drawn
from rnnbench.measure.network import output_of
from rnnbench.measure.precision_probe import probe
from rnnbench.measure.probes import costs
from rnnbench.measure.workload import BUFFERS, Workload
from rnnbench.variants._adaptive import adaptive_of

ALIKE, ALIKE_IN_LOW = 1e-4, 1e-2
"""How far outputs may move with what follows them, relative to the largest output, in fp32 and in formats of fewer digits. Of the built-in
networks in fp32 on a CPU, those that read no padding move by 2e-7 at most, the others by 7e-4 or more."""


@dataclass(frozen=True, slots=True)
class Batch:
    """x is (steps, sequences, features), padding zero; `lengths` (sequences,) stay on the CPU. `real` are the positions of the flattened
    output that are no padding, `target` is (real, features)."""

    x: Tensor
    lengths: Tensor
    real: Tensor
    target: Tensor

    @property
    def tokens(self) -> int:
        """Time steps that are no padding."""
        return int(self.lengths.sum())


class LengthsWork(Workload):
    """A workload whose sequences end before the batch does. The loss, the numbers and the rates are of real time steps alone.

    padded: each sequence is padded to seq_len. packed: torch's packed sequences, packing and unpacking included. bucketed: the sequences
    of all batches are sorted by length, longest first, cut into batches again, and padded to the longest of their batch."""

    PREDICTED = False
    _now: Batch

    def __init__(self, case: Case, device: Device, form: Format, clock: Clock) -> None:
        super().__init__(case, device, form, clock)
        self.uneven = case.packing != "padded"

    @classmethod
    def probe(cls, case: Case, device: Device, form: Format) -> None:
        """As of any workload. A file's lengths may be longer than the short sequences that a precision is tried on."""
        probe(replace(case, lengths=DRAWN[0]), device, form, cls)

    def forward(self) -> None:
        """Run the model on the current batch, in the case's precision."""
        with autocast(self._form, self.device):
            if self.case.packing == "packed":
                packed = pack_padded_sequence(self.x, self._now.lengths, enforce_sorted=False)
                self.output, _ = pad_packed_sequence(self._call(packed)[0], total_length=len(self.x))
            else:
                self.output = output_of(self._call(self.x))

    def take_loss(self) -> None:
        """The task's loss over real time steps."""
        self.loss = self._task.loss(self._real(), self.target)

    def weigh(self, metrics: dict[str, float], absent: dict[str, str]) -> None:
        """As of any workload, on the first batch, which of sorted ones is the longest."""
        steps, sequences, _ = self._batches[0].x.shape
        which = f"the first of {len(self._batches)} batches: {sequences} sequences of up to {steps} steps"
        self.notes.append(f"memory and operators are those of {which}, {self._batches[0].tokens:,} time steps without padding")
        super().weigh(metrics, absent)
        if self.case.packing == "packed":
            absent["padding_share"] = "packed sequences hold no padding"
        else:
            metrics["padding_share"] = 1 - fmean(one.tokens for one in self._batches) / fmean(
                one.x[..., 0].numel() for one in self._batches
            )

    def _weigh_costs(self, metrics: dict[str, float], absent: dict[str, str], shared: float) -> None:  # noqa: ARG002 - a plain step's
        """FLOPs of what runs, padding included, as the mean over all batches."""
        absent.update(dict.fromkeys(("moved_bytes", "intensity_flops_per_byte"), "sequences of unlike length are not counted"))
        try:
            metrics["step_flops"] = fmean(self._flops(one) for one in self._batches)
        except LookupError as error:
            absent["step_flops"] = str(error)

    def _flops(self, batch: Batch) -> float:
        if self.case.packing != "packed":
            return costs.step_flops(replace(self.case, seq_len=len(batch.x)))
        whole = costs.step_flops(self.case)  # of a recurrent network: proportional to the time steps
        return whole * batch.tokens / (self.case.batch_size * self.case.seq_len)

    def _real(self) -> Tensor:
        """The output at real time steps: (real, features)."""
        found: Tensor = self.output.flatten(0, 1).index_select(0, self._now.real)
        return found

    def _answer(self) -> Tensor:
        """For comparisons: outputs at padding mean nothing."""
        return self._real().detach().clone()

    def _network(self) -> nn.Module:
        model = super()._network()
        self._refuse_by_kind(model)
        return model

    def _refuse_by_kind(self, model: nn.Module) -> None:
        """Raise Unsupported for a case that the label would not be true of, whatever its numbers happen to be."""
        case = self.case
        if case.task != "random":
            raise Unsupported(f"lengths are for task=random; {case.task} has its own")
        if case.execution != "eager":
            raise Unsupported(f"execution={case.execution} needs batches of one shape: choose execution=eager, or lengths=fixed")
        if case.packing == "packed" and not isinstance(model, nn.RNNBase):
            raise Unsupported(
                f"{case.variant} ({case.implementation}) does not read packed sequences, which only torch's own LSTM, GRU and RNN do:"
                " choose packing=padded or packing=bucketed"
            )
        if case.packing != "packed" and case.bidirectional:
            remedy = "packing=packed, or bidirectional=false" if isinstance(model, nn.RNNBase) else "bidirectional=false"
            raise Unsupported(f"{case.variant} reads both ways, so padding would change its outputs: choose {remedy}")
        if adaptive_of(model):
            raise Unsupported(f"{case.variant} adapts its depth, which would count padding too: choose lengths=fixed")

    def _make_batches(self) -> list[Any]:
        """Seeded batches of the same sequences for every packing."""
        case, generator = self.case, torch.Generator().manual_seed(self.case.seed)
        xs = [self._task.inputs(case, generator) for _ in range(BUFFERS)]
        pairs = list(zip(xs, drawn(case, BUFFERS), strict=True))
        if case.packing != "packed":
            self._refuse_if_padding_is_read(*pairs[0])
        if case.packing == "bucketed":
            pairs = _bucketed(pairs)
        batches = [self._batch(x, lengths, generator) for x, lengths in pairs]
        self.tokens = fmean(one.tokens for one in batches)
        return batches

    def _batch(self, x: Tensor, lengths: Tensor, generator: torch.Generator) -> Batch:
        is_real = torch.arange(len(x))[:, None] < lengths
        x = moved(x * is_real[..., None], self._form, self.device)
        self._now = Batch(x, lengths, is_real.flatten().nonzero().squeeze(1).to(self.device.torch), torch.empty(0))
        self.x = x
        with torch.no_grad():
            self.forward()
            target = self._task.targets(self._real().shape, generator).to(self.device.torch)
        return replace(self._now, target=target)

    def _refuse_if_padding_is_read(self, x: Tensor, lengths: Tensor) -> None:
        """Raise Unsupported unless the first batch shows that a real step knows nothing of what follows it: neither which padding that is,
        in the mode of the phase, nor whether there is any."""
        is_real = (torch.arange(len(x))[:, None] < lengths)[..., None]
        zeros, noise = (self._tried(torch.where(is_real, x, padding)) for padding in (torch.zeros_like(x), x))
        half, mode = max(1, len(x) // 2), self.model.training
        self.model.eval()
        whole, begun = self._tried(x)[:half], self._tried(x[:half])
        self.model.train(mode)
        within = ALIKE if self._form.weights is torch.float32 and not self._form.tf32 else ALIKE_IN_LOW
        if not (_alike(zeros * is_real, noise * is_real, within) and _alike(whole, begun, within)):
            raise Unsupported(
                f"{self.case.variant} reads beyond the end of a sequence, so padding would change its outputs: choose lengths=fixed"
            )

    def _tried(self, x: Tensor) -> Tensor:
        """The output for x, with the same random numbers each time, in the format of the weights."""
        torch.manual_seed(self.case.seed)
        with torch.no_grad():
            return output_of(self.model(moved(x, self._form, self.device))).float().cpu()

    def _hold(self, batch: Any) -> None:
        self._now = batch
        self.x, self.target = batch.x, batch.target

    def _tensors(self, batch: Any) -> tuple[Tensor, ...]:
        return batch.x, batch.real, batch.target


def _bucketed(pairs: Sequence[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """The same sequences in as many batches, longest first, each batch cut after its longest."""
    x, lengths = torch.cat([one for one, _ in pairs], 1), torch.cat([one for _, one in pairs])
    order = lengths.argsort(descending=True, stable=True).split(len(pairs[0][1]))
    return [(x[: int(lengths[some].max()), some], lengths[some]) for some in order]


def _alike(one: Tensor, other: Tensor, within: float) -> bool:
    return bool((one - other).abs().max() <= within * torch.maximum(one.abs(), other.abs()).max())
