"""Predicted memory of a case, before it is run.

Parameters are counted on meta tensors. Activations are counted on the device itself, because meta tensors do not use the device's
fused kernels (a CPU's fused LSTM keeps twice as much). A small case is counted directly; a larger one is extrapolated from small
batches of short sequences, which is exact except for oneDNN's LSTM: it rounds each piece of its workspace up to a page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from rnnbench.case import Case
from rnnbench.device.devices import Device
from rnnbench.device.memory_limits import free_bytes
from rnnbench.device.precision import Format, autocast, fitted, moved
from rnnbench.errors import Unsupported
from rnnbench.measure.network import features, network, on_meta
from rnnbench.measure.probes.memory import activation_bytes
from rnnbench.measure.probes.weights import Weights, is_lazy, weights_of
from rnnbench.measure.workload import BUFFERS, INFERENCE
from rnnbench.tasks import TASKS
from rnnbench.units import binary_bytes

STATES_OF_ADAM = 2
LENGTHS = (32, 64, 128)  # three points distinguish quadratic growth (dense attention) from linear growth
BATCHES = (4, 16)
CHEAP_BYTES = 2**26  # a forward pass that keeps no more is counted directly
STRAIGHT = 0.03  # a smaller deviation from the line is rounding, which a parabola would amplify


@dataclass(frozen=True, slots=True)
class Footprint:
    """Predicted bytes by purpose."""

    parameters: int
    gradients: int
    optimizer: int
    activations: int
    batches: int

    @property
    def total(self) -> int:
        """The sum of all parts."""
        return self.parameters + self.gradients + self.optimizer + self.activations + self.batches


def refuse_oversize(case: Case, device: Device, form: Format) -> None:
    """Raise Unsupported if a case needs more memory than is free."""
    free = device.free_bytes() if not device.is_cpu else free_bytes()
    if free is None:
        return
    weights = weights_on_meta(case, form).bytes
    if weights <= free:
        need = predict(case, device, form).total
        if need <= free:
            return
    else:
        need = weights
    raise Unsupported(f"needs {binary_bytes(need)}, {binary_bytes(free)} free")


def predict(case: Case, device: Device, form: Format) -> Footprint:
    """The footprint of a case. Runs a few small forward passes on the device."""
    weights = weights_on_meta(case, form)
    trains, keeps = case.phase == "train", case.phase not in INFERENCE
    activations = 0
    batch = 4 * case.seq_len * case.batch_size * (case.input_size + _outputs(case))
    if keeps:
        torch.manual_seed(case.seed)
        model = fitted(network(case), form, device)

        def kept(seq_len: int, batch_size: int) -> float:
            small = Case.from_dict({**case.as_dict(), "seq_len": seq_len, "batch_size": batch_size})
            x = moved(TASKS[case.task].inputs(small, torch.Generator()), form, device)

            def forward() -> object:
                with autocast(form, device):
                    return model(x)

            return activation_bytes(forward, model)

        activations = _extended(kept, case)
    trained = weights.trainable_bytes
    return Footprint(weights.bytes, trained * keeps, trained * STATES_OF_ADAM * trains, activations, batch * BUFFERS)


def _extended(kept: Callable[[int, int], float], case: Case) -> int:
    """The bytes of a small case as counted; those of a larger one extrapolated along a line or a parabola."""
    if case.seq_len <= LENGTHS[-1] and case.batch_size <= BATCHES[-1]:
        return round(kept(case.seq_len, case.batch_size))
    per_length = [lagrange(BATCHES, [kept(length, size) for size in BATCHES], case.batch_size) for length in LENGTHS]
    found = round(grown(per_length, case.seq_len))
    return found if found > CHEAP_BYTES else round(kept(case.seq_len, case.batch_size))


def lagrange(nodes: Sequence[int], values: Sequence[float], at: float) -> float:
    """The value at `at` of the polynomial through the points."""
    total = 0.0
    for node, value in zip(nodes, values, strict=True):
        weight = 1.0
        for other in nodes:
            if other != node:
                weight *= (at - other) / (node - other)
        total += weight * value
    return total


def grown(per_length: Sequence[float], seq_len: int) -> float:
    """Extrapolate along a line, or along a parabola if the points bend upwards by more than rounding."""
    ends = (LENGTHS[0], LENGTHS[-1]), (per_length[0], per_length[-1])
    bends = per_length[1] < lagrange(*ends, LENGTHS[1]) * (1 - STRAIGHT)
    return lagrange(LENGTHS, per_length, seq_len) if bends else lagrange(*ends, seq_len)


def weights_on_meta(case: Case, form: Format) -> Weights:
    """The weights without storage, if the builder can work on meta tensors. A lazy module first reads two steps."""
    try:
        model = on_meta(lambda: network(case))
    except NotImplementedError:  # packing quantized weights has no form without numbers
        model = network(case)
    if is_lazy(model):
        with torch.no_grad():
            model(torch.empty(2, 1, case.input_size, device="meta"))
    return weights_of(model.to(form.weights) if form.weights is not torch.float32 else model)


def _outputs(case: Case) -> int:
    """Number of output features per step."""
    return TASKS[case.task].classes or features(case)
