"""Your own model, ready to run: its step is what your training loop would do with it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.case import OWN_PHASES, Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import FORMATS, Format, autocast
from rnnbench.errors import Unsupported
from rnnbench.measure.own.call import LENGTHS, Call, Count, call_of, copied, count, loss_in, moved, tensors_in, told
from rnnbench.measure.own.flops import forward_flops
from rnnbench.measure.own.model import Parts, known
from rnnbench.measure.probes import costs
from rnnbench.measure.train_step import TrainStep
from rnnbench.measure.workload import INFERENCE, Workload

MOST_TURN = 8  # batches that a round may hold
SMALL = {"batch_size": 2, "seq_len": 4}
"""Of the batch that a precision is tried on, where the model's factory takes these."""


class OwnStep(TrainStep):
    """The train step with the user's optimizer, where there is one."""

    def make_optimizer(self) -> torch.optim.Optimizer:
        """The user's, else AdamW."""
        assert isinstance(self.work, OwnWork)
        make = self.work.parts.optimizer
        return super().make_optimizer() if make is None else make(self.parameters)


class OwnWork(Workload):
    """A workload whose model, batches, loss and optimizer are the user's. It is told nothing of shapes, and asks for none."""

    TRAINS_BY = OwnStep
    PREDICTED = False
    parts: Parts

    @classmethod
    def probe(cls, case: Case, device: Device, form: Format) -> None:
        """A lower precision tried on the model itself, on a small batch where its factory takes sizes. Raises Unsupported where it cannot
        be had; what fails in fp32 too is an error of the model, and is left to the measurement."""
        if form.products is torch.float32:
            return
        sizes = {name: small for name, small in SMALL.items() if getattr(case, name) is not None}
        tiny = Case.from_dict({**case.as_dict(), **sizes, "execution": "eager"})
        step = partial(_one_step, cls, tiny, device)
        try:
            step(form)
        except (RuntimeError, NotImplementedError) as error:
            if isinstance(error, torch.OutOfMemoryError) or _fails(partial(step, FORMATS["fp32"])):
                return
            raise Unsupported(f"{case.precision} {case.variant} on {device.name}: {str(error).splitlines()[0]}") from error

    def forward(self) -> None:
        """The model on the current batch, under the case's precision."""
        with autocast(self._form, self.device):
            self.output = self._call(*self._now.args, **self._now.kwargs)

    def take_loss(self) -> None:
        """The user's loss, or the one that the output holds."""
        if self.parts.loss is not None:
            loss = self.parts.loss(self.output, *self._now.for_loss)
        else:
            loss = loss_in(self.output)
            if loss is None:
                raise TypeError(
                    f"{self.case.phase} needs a loss, and the output ({type(self.output).__name__}) holds none:"
                    " give loss=, or return an output with .loss"
                )
        if not isinstance(loss, Tensor) or loss.dim() != 0:
            raise TypeError(f"the loss is {_shape(loss)}; wanted a tensor of one number")
        self.loss = loss

    def check(self) -> None:
        """After a step: the output holds tensors, on the device and finite, and so is the loss."""
        found = self._outputs()
        if not found:
            raise TypeError(f"{self.case.variant} returned no tensor but {type(self.output).__name__}")
        for out in found:
            if out.device.type != self.device.torch.type:
                raise ValueError(f"{self.case.variant} returned a tensor on {out.device}, the case runs on {self.device.name}")
        self.check_finite()

    def weigh(self, metrics: dict[str, float], absent: dict[str, str]) -> None:
        """As of any workload, on the first batch; and how much of a batch is padding."""
        many = len(self._batches)
        which = "its one batch" if many == 1 else f"the first of {many} batches"
        self.notes.append(f"memory and operators are those of {which}: {told(self._batches[0])}")
        if self.parts.note:
            self.notes.append(self.parts.note)
        super().weigh(metrics, absent)
        if self.sequences is None:
            absent["sequences_per_s"] = "how many sequences a batch holds is not known: give lengths, a mask or packed sequences"
        if self.tokens is None:
            absent["tokens_per_s"] = "how many tokens a batch holds is not known: give tokens="
        if self._padding is None:
            absent["padding_share"] = "no lengths, mask or packed sequence says what of a batch is padding"
        else:
            metrics["padding_share"] = self._padding

    def _network(self) -> nn.Module:
        case = self.case
        if case.phase not in OWN_PHASES:
            raise Unsupported(f"a model of your own is measured in the phases {', '.join(OWN_PHASES)}, not {case.phase}")
        self.parts = self._made()
        if case.phase not in INFERENCE and not any(one.requires_grad for one in self.parts.model.parameters()):
            raise Unsupported(f"{case.variant} has no trainable parameter: there is nothing to train; choose phase=forward")
        return self.parts.model

    def _made(self) -> Parts:
        return known(self.case.variant).make(self.case)

    def _make_batches(self) -> list[Any]:
        """The user's own, as calls, on the device."""
        has_loss = self.parts.loss is not None
        calls = [call_of(batch, self.model, has_loss=has_loss) for batch in self.parts.batches]
        self._count(calls)
        self._note_unevenness(calls)
        return [moved(call, self.device.torch, self._form.weights) for call in calls]

    def _note_unevenness(self, calls: Sequence[Call]) -> None:
        """Batches of unlike shapes or numbers of tokens are unlike work: a round is then a turn of all, where that is not too long."""
        sizes = {(tuple(one.shape for one in self._tensors(call)), count(call, self.model).tokens) for call in calls}
        if len(sizes) == 1:
            return
        self.uneven = len(calls) <= MOST_TURN
        if self.uneven:
            self.notes.append(f"its {len(calls)} batches differ in size: a round is one turn of all, and times are per batch")
        else:
            self.notes.append(
                f"its {len(calls)} batches differ in size: step_time_s is the median over single batches, tokens/s the mean batch's tokens"
                f" by that; give {MOST_TURN} batches or fewer for a mean over all"
            )

    def _count(self, calls: Sequence[Call]) -> None:
        """Means over the batches: one is measured as often as another."""
        counts = [count(call, self.model) for call in calls]
        tokens = self.parts.tokens
        if tokens is not None:
            said = [tokens if isinstance(tokens, int) else int(tokens(batch)) for batch in self.parts.batches]
            counts = [replace(one, tokens=number, padded=None) for one, number in zip(counts, said, strict=True)]
        self.tokens = _mean([one.tokens for one in counts])
        self.sequences = _mean([one.sequences for one in counts])
        self._padding = _padding(counts)

    def _hold(self, batch: Any) -> None:
        self._now: Call = batch

    def _tensors(self, batch: Any) -> tuple[Tensor, ...]:
        """Each once: a dict is both the model's and the loss's."""
        return tuple({id(one): one for one in tensors_in([batch.args, batch.kwargs, batch.for_loss])}.values())

    def device_tensors(self) -> list[Tensor]:
        """As of any workload, without lengths, which stay on the host."""
        lengths = {id(value) for batch in self._batches for name, value in batch.inputs().items() if name in LENGTHS}
        return [one for one in super().device_tensors() if id(one) not in lengths]

    def _copied(self, batch: Any) -> Any:
        """For a CUDA graph: every batch has to have the shapes of the first."""
        shapes = {tuple((one.shape, one.dtype) for one in self._tensors(each)) for each in self._batches}
        if len(shapes) > 1:
            raise Unsupported("a CUDA graph holds one shape, and the batches have several: give batches of one shape")
        return copied(batch)

    def _weigh_costs(self, metrics: dict[str, float], absent: dict[str, str], shared: float) -> None:
        """FLOPs as counted in a forward pass, and the least bytes that must move."""
        inputs, outputs = (sum(one.nbytes for one in found) for found in (self._tensors(self._now), self._outputs()))
        costs.weigh(self.case, inputs, outputs, metrics, absent, self._flops, shared)

    def _flops(self) -> int:
        """A backward pass is two forward passes, less the gradients of inputs that nobody asks for. The mean of batches that differ."""

        found = []
        for batch in self._batches if self.uneven else [self._now]:

            def forward(call: Call = batch) -> None:
                with autocast(self._form, self.device):
                    self.model(*call.args, **call.kwargs)

            passed, spared = forward_flops(self.model, forward)
            found.append(costs.PASSES[self.case.phase] * passed - (0 if self.case.phase in INFERENCE else spared))
        return round(fmean(found))

    def _outputs(self) -> tuple[Tensor, ...]:
        return tuple(tensors_in(self.output))

    def _answer(self) -> Tensor:
        return torch.cat([one.detach().flatten().float() for one in self._outputs() if one.is_floating_point()])

    def _ends(self) -> tuple[Tensor, ...]:
        return *self._tensors(self._now), *self._outputs()


def _one_step(make: type[OwnWork], case: Case, device: Device, form: Format) -> None:
    make(case, device, form, Clock(device)).step()


def _fails(step: Any) -> bool:
    try:
        step()
    except Exception:  # noqa: BLE001 - whatever it is, the measurement will meet it and tell
        return True
    return False


def _mean(values: Sequence[int | None]) -> float | None:
    known_ones = [value for value in values if value is not None]
    return fmean(known_ones) if len(known_ones) == len(values) else None


def _padding(counts: Sequence[Count]) -> float | None:
    """The share of a batch's positions that hold no token, where every batch tells."""
    if any(one.tokens is None or one.padded is None or one.tokens > one.padded for one in counts):
        return None
    return 1 - sum(one.tokens or 0 for one in counts) / max(1, sum(one.padded or 0 for one in counts))


def _shape(value: object) -> str:
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
