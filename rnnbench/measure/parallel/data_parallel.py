"""A train step shared by several processes through torch's DistributedDataParallel, or run by one without it.

Rank 0 is measured like any case. Before each step, off the clock, it broadcasts what comes next, and the others do the same on their part
of the batch. The reference step is the same step without communication; its gradients are set to zero, so all ranks keep the same weights.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import Format, autocast, in_format, moved
from rnnbench.measure.footprint import refuse_oversize
from rnnbench.measure.network import output_of
from rnnbench.measure.parallel.progress_marks import mark
from rnnbench.measure.parallel.sharing import SEEDS_APART, of_process, part_of, refuse, sequences, threads
from rnnbench.measure.parallel.world import join, own_device, place
from rnnbench.measure.train_step import Trainable, TrainStep
from rnnbench.measure.workload import BUFFERS, NO_COMMUNICATION, ROTATE_UP_TO_BYTES, Workload

STEP, ALONE, COMPARE, END = range(1, 5)
Batch = tuple[Tensor, Tensor]


class SharedStep(TrainStep):
    """A train step that runs forward, loss and backward once per part of the process's batch, and the rest once."""

    def __init__(self, work: Trainable, *, clip_norm: float | None, scaled: bool) -> None:
        super().__init__(work, clip_norm=clip_norm, scaled=scaled)
        assert isinstance(work, DataParallel)
        self._shared = work
        first, once_each, rest = self.parts[:1], self.parts[1:4], self.parts[4:]
        self.parts = (*first, *once_each * work.accumulation, *rest)
        self.parts_without_clip = tuple(part for part in self.parts if part[0] != "clip_s")

    def backward(self) -> None:
        """Compute the gradients of one part."""
        super().backward()
        self._shared.part_done()

    def by_parts(self, clock: Callable[[], float], spent_s: dict[str, list[float]]) -> Callable[[], None]:
        """The same step as a function that reads the clock after each part and sums the times of equal names."""

        def step() -> None:
            self.work.next_batch()
            spent: dict[str, float] = {}
            before = clock()
            for name, part in self.parts:
                part()
                now = clock()
                spent[name] = spent.get(name, 0.0) + now - before
                before = now
            for name, seconds in spent.items():
                spent_s[name].append(seconds)

        return step


class DataParallel(Workload):
    """One process's part of a case. `step()` is the whole train step; `beside()` is the same without communication."""

    TRAINS_BY = SharedStep
    COMPARED = False

    def __init__(self, case: Case, device: Device, form: Format, clock: Clock) -> None:
        refuse(case, device)
        self.whole, self.accumulation = case, case.accumulation
        self.world = join(case, device) if case.processes > 1 else None
        self._rank = self.world.rank if self.world else 0
        self._part, self._alone, self._told = 0, False, False
        if device.is_cpu:
            torch.set_num_threads(threads())
        super().__init__(part_of(case), device, form, clock)
        self.sequences = sequences(case)
        self.tokens = self.sequences * case.seq_len
        self.beside, self.beside_name = None, ""
        self._weights = [weight for weight in self.model.parameters() if weight.requires_grad]
        self._shared: DistributedDataParallel | None = None
        if self.world is not None:
            index = [device.index] if device.torch.type == "cuda" else None
            self._shared = DistributedDataParallel(
                self.model, device_ids=index, process_group=self.world.group, bucket_cap_mb=case.bucket_mib
            )
            self._zeros = [torch.zeros_like(weight) for weight in self._weights]
            self._weights[0].register_post_accumulate_grad_hook(lambda _: mark())  # the first layer's gradient is among the last
            self.beside, self.beside_name = self.step_alone, NO_COMMUNICATION

    def next_batch(self) -> None:
        """Switch to the next batch; rank 0 first broadcasts what to do with it."""
        if self.world is not None and self._rank == 0 and not self._told:
            self._clock.pause()
            self.world.order(ALONE if self._alone else STEP)
            self._clock.resume()
        self._part, self._told = 0, False
        super().next_batch()

    def forward(self) -> None:
        """Run the model on the next part. Gradients are sent only in the backward pass of the last part."""
        within = self._part < self.accumulation
        self.x, self.target = self._parts[self._turn][self._part if within else -1]
        if self._shared is not None:  # what DistributedDataParallel.no_sync() sets and resets
            self._shared.require_backward_grad_sync = not self._alone and self._part == self.accumulation - 1
            self._call = self._shared if within else self.model  # outside the step, no other rank takes part
        super().forward()
        if within:
            mark()

    def take_loss(self) -> None:
        """Set `loss` so that the sum over parts is the mean over the batch."""
        super().take_loss()
        if self.accumulation > 1:
            self.loss = self.loss / self.accumulation

    def part_done(self) -> None:
        """Finish a part's backward pass. Without communication, gradients differ between ranks and are discarded."""
        self._part += 1
        if self._alone and self._part == self.accumulation:
            for weight, nothing in zip(self._weights, self._zeros, strict=True):
                weight.grad = nothing

    def step_alone(self) -> None:
        """The same step on the next batch, without communication."""
        self._alone = True
        try:
            self.step()
        finally:
            self._alone = False

    def check(self) -> None:
        """Check as for any workload, and that all ranks have the same weights."""
        super().check()
        if self.world is not None:
            self.world.order(COMPARE)
            self.compare()

    def weigh(self, metrics: dict[str, float], absent: dict[str, str]) -> None:
        """Add rank 0's own memory, operators and FLOPs."""
        if self.world is None:
            absent.update(dict.fromkeys(("communication_s", "communication_share"), "a single process does not communicate"))
        else:
            self.world.order(STEP)  # the step whose operators are counted; the broadcast is not one of them
            self._told = True
        metrics["threads"] = torch.get_num_threads()
        super().weigh(metrics, absent)

    def close(self) -> None:
        """After the last step: compare the weights once more, and release the other ranks."""
        if self.world is not None:
            self.world.order(COMPARE)
            self.compare()
            self.world.order(END)
            self.world.leave()

    def follow(self) -> None:
        """On every other rank: repeat what rank 0 does until it has finished."""
        assert self.world is not None
        while (what := self.world.order()) != END:
            _FOLLOWED[what](self)
        self.world.leave()

    def compare(self) -> None:
        """Raise ValueError if two ranks have different weights: then they did not train one model."""
        assert self.world is not None
        total = torch.stack([weight.detach().double().sum().cpu() for weight in self._weights]).sum()
        if not self.world.alike(int(total.view(torch.int64))):
            raise ValueError(f"the {self.world.size} ranks of {self.whole.variant!r} have different weights")

    def _make_batches(self) -> list[Batch]:
        """This process's share of seeded batches, in parts: a slice of the one batch, or under weak scaling a batch of its own."""
        whole, count = self.whole, of_process(self.whole)
        strong = whole.scaling == "strong"
        drawn = whole if strong else Case.from_dict({**part_of(whole).as_dict(), "batch_size": count})
        generator = torch.Generator().manual_seed(whole.seed + (0 if strong else SEEDS_APART * self._rank))
        mine = slice(self._rank * count, (self._rank + 1) * count) if strong else slice(count)
        shape = self._answers_shape()
        shape = torch.Size((shape[0], drawn.batch_size, *shape[2:]))
        self._parts: list[list[Batch]] = []
        rotating = BUFFERS
        while len(self._parts) < rotating:
            x, y = self._task.inputs(drawn, generator)[:, mine], self._task.targets(shape, generator)[:, mine]
            pairs = zip(x.chunk(self.accumulation, 1), y.chunk(self.accumulation, 1), strict=True)
            self._parts.append([(moved(a.contiguous(), self._form, self.device), b.contiguous().to(self.device.torch)) for a, b in pairs])
            rotating = BUFFERS if x.nbytes * BUFFERS <= ROTATE_UP_TO_BYTES else 2
        return [parts[0] for parts in self._parts]

    def _answers_shape(self) -> torch.Size:
        """The shape of the network's output for one part."""
        x = moved(self._task.inputs(self.case, torch.Generator()), self._form, self.device)
        with torch.no_grad(), autocast(self._form, self.device):
            return output_of(self.model(x)).shape


_FOLLOWED: dict[int, Callable[[DataParallel], None]] = {
    STEP: DataParallel.step,
    ALONE: DataParallel.step_alone,
    COMPARE: DataParallel.compare,
}


def follows() -> bool:
    """Whether this process is a rank other than 0, which does not measure."""
    here = place()
    return here is not None and here.rank > 0


def follow(case: Case, *, skip_oversize: bool) -> None:
    """Run the case on a rank other than 0. Raises whatever its part of the case raises."""
    here, device = place(), own_device(case.device)
    if case.processes == 1 or here is None:
        return
    if here.rank >= case.processes:  # takes no part, but all processes must create the groups
        refuse(case, device)
        join(case, device)
        return
    with in_format(case.precision, device) as form:
        if skip_oversize:
            refuse_oversize(part_of(case), device, form)
        Workload.probe(case, device, form)
        DataParallel(case, device, form, Clock(device)).follow()
