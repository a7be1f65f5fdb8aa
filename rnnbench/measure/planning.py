"""What a case will hold and ask for, before it is measured. Exact where formulas are; operators are counted on short sequences."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.measure import operators
from rnnbench.measure.costs import PASSES, moved_bytes, step_flops
from rnnbench.measure.devices import Clock, Device
from rnnbench.measure.footprint import BATCHES, LENGTHS, STATES_OF_ADAM, Footprint, grown, lagrange, predict
from rnnbench.measure.memory import activation_bytes, parameter_bytes
from rnnbench.measure.network import network, on_meta, output_of
from rnnbench.measure.precision import Format, in_format
from rnnbench.measure.workload import BUFFERS, Workload

SHORT, LONG = 4, 8
NARROW = 32
NUMBER = 4  # bytes of fp32


def plan_case(case: Case, here: bool) -> dict[str, Any]:
    """Footprint, FLOPs, bytes and operators. `here`: on this machine's device; else on meta tensors, for a machine that is elsewhere."""
    told: dict[str, Any] = {"case": case.as_dict(), "id": str(case)}
    try:
        if case.phase not in PASSES:
            raise Unsupported(f"phase {case.phase!r} is no single pass: nothing can be predicted")
        if here:
            with in_format(case.precision, device := Device(case.device)) as form:
                held = predict(case, device, form)
        else:
            held = _elsewhere(case)
        told |= {"footprint": asdict(held), "total_bytes": held.total, "flops": _flops(case), "operators": _operators(case)}
        inputs = NUMBER * case.seq_len * case.batch_size * case.input_size
        parts = {"parameters": held.parameters, "activations": held.activations, "optimizer": held.optimizer}
        told["moved_bytes"] = moved_bytes(case.phase, **parts, inputs=inputs, outputs=held.batches // BUFFERS - inputs)
        told["parameters"] = held.parameters // NUMBER
    except Unsupported as error:
        told["unsupported"] = str(error)
    return told


def _flops(case: Case) -> int | None:
    try:
        return step_flops(case)
    except LookupError:
        return None


def _operators(case: Case) -> int:
    """Of two short sequences of a narrow network on a CPU, along a line; a variant that works in chunks has fewer."""
    hidden = min(case.hidden_size, NARROW)
    inputs = hidden if case.input_size == case.hidden_size else 2 * NARROW  # some variants spare a projection where the two are equal
    narrow = {**case.as_dict(), "hidden_size": hidden, "input_size": inputs, "batch_size": 2, "device": "cpu", "precision": "fp32"}

    def count(seq_len: int) -> int:
        device = Device("cpu")
        work = Workload(Case.from_dict({**narrow, "seq_len": seq_len}), device, Format(None), Clock(device))
        work.step()  # the first also makes the optimizer's state
        return operators.count(work.step)

    return round(lagrange((SHORT, LONG), (count(SHORT), count(LONG)), case.seq_len))


def _elsewhere(case: Case) -> Footprint:
    """As meta tensors have it: fused kernels of a GPU may keep less, autocast keeps less too."""
    model = on_meta(lambda: network(case))
    parameters, keeps, trains = parameter_bytes(model), case.phase != "forward", case.phase == "train"

    def run(seq_len: int, batch_size: int) -> Callable[[], torch.Tensor]:
        x = torch.empty(seq_len, batch_size, case.input_size, device="meta")
        return lambda: output_of(model(x))

    activations = 0
    if keeps:
        kept = [lagrange(BATCHES, [activation_bytes(run(length, size), model) for size in BATCHES], case.batch_size) for length in LENGTHS]
        activations = round(grown(kept, case.seq_len))
    with torch.no_grad():
        features = int(run(2, 1)().shape[-1])
    batches = BUFFERS * NUMBER * case.seq_len * case.batch_size * (case.input_size + features)
    return Footprint(parameters, parameters * keeps, parameters * STATES_OF_ADAM * trains, activations, batches)
