"""Predicting what a case holds and computes."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import cache
from typing import Any

import torch

from rnnbench.case import AXES, Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import FORMATS, Format, in_format
from rnnbench.errors import Unsupported
from rnnbench.measure.footprint import STATES_OF_ADAM, Footprint, lagrange, predict, weights_on_meta
from rnnbench.measure.kinds import workload_of
from rnnbench.measure.learn.trainer import recipe_of
from rnnbench.measure.network import network, on_meta, output_of
from rnnbench.measure.probes import operators
from rnnbench.measure.probes.as_on_cuda import cudnn_counts
from rnnbench.measure.probes.costs import moved_bytes, step_flops
from rnnbench.measure.probes.memory import activation_bytes
from rnnbench.measure.workload import BUFFERS, Workload
from rnnbench.tasks import PROBLEMS
from rnnbench.variants import VARIANTS

SHORT, LONG = 4, 8
CHECKS = (4, 8, 64)
"""Lengths at which a network is weighed. If the bytes at the second are on the line through the other two, they grow along it."""
NARROW = 32
MOST_LETTERS = 160  # of an error
NUMBER = 4  # bytes of fp32


def plan_case(case: Case, here: bool) -> dict[str, Any]:
    """Footprint, FLOPs, bytes and operators. `here`: on this machine's device; else on meta tensors, for a machine that is elsewhere.

    What cannot be predicted is left out: `unsupported` says that the case cannot be had, `unknown` why a figure of it is not known."""
    told: dict[str, Any] = {"case": case.as_dict(), "id": str(case)}
    try:
        if not workload_of(case).PREDICTED:
            return told | _tried(case)
        if case.phase == "converge":
            return _training(case, here) | told
        told["parameters"] = weights_on_meta(case, Format(None)).count
        if case.phase == "decode":
            return told | _decoding(case)
        told["flops"] = _flops(case)
        if here:
            with in_format(case.precision, device := Device(case.device)) as form:
                held = predict(case, device, form)
        else:
            held = _elsewhere(case)
        told |= {"footprint": asdict(held), "total_bytes": held.total, "operators": _operators(case)}
        inputs = NUMBER * case.seq_len * case.batch_size * case.input_size
        parts = {name: getattr(held, name) for name in ("parameters", "gradients", "activations", "optimizer")}
        shared = min(inputs, held.activations)  # autograd keeps the input of a first layer as it is
        told["moved_bytes"] = moved_bytes(case.phase, **parts, inputs=inputs, outputs=held.batches // BUFFERS - inputs, shared=shared)
    except Unsupported as error:
        told["unsupported"] = str(error)
    except Exception as error:  # noqa: BLE001 - a user's code, or torch's: one case that cannot be predicted costs no other its row
        told["unknown"] = _why(error)
    return told


def _training(case: Case, here: bool) -> dict[str, Any]:
    """Of one training step on random inputs of the same sizes, and the most `steps` that the training may take."""
    usual = {name: AXES[name].default for name in ("task", "seed", "optimizer", "lr", "schedule", "max_steps")}
    steps = recipe_of(case, PROBLEMS[case.task].recipe).max_steps
    return {"steps": steps, **_training_step(replace(case, phase="train", **usual), here)}


@cache
def _training_step(case: Case, here: bool) -> dict[str, Any]:
    return plan_case(case, here)


def _decoding(case: Case) -> dict[str, Any]:
    """Of one step of a stream: all weights and the state are read, and the products are those of a sequence of one step.

    Attention over a cache computes more than that, but the cache's bytes take longer than its products."""
    formula = VARIANTS[case.variant].state_size
    if formula is None:
        raise LookupError(f"variant {case.variant!r} does not state how large its state is: give @variant(state_size=...)")
    weights, state = weights_on_meta(case, FORMATS[case.precision]), NUMBER * case.batch_size * formula(case)
    inputs = NUMBER * case.batch_size * case.input_size
    short = replace(_narrowed(case), seq_len=LONG)
    return {
        "flops": _flops(replace(case, phase="forward", seq_len=1)),
        "footprint": asdict(Footprint(weights.bytes, 0, 0, 0, inputs)) | {"state": state},
        "total_bytes": weights.bytes + state + inputs,
        "moved_bytes": weights.bytes + state + inputs,
        "operators": _counted(short, _by_cudnn(case)),
    }


def _tried(case: Case) -> dict[str, Any]:
    """Of a model or a task of the user's own: what one step on this machine's CPU holds, for there is no formula."""
    device = Device("cpu")
    metrics: dict[str, float] = {}
    with in_format(case.precision, device) as form:
        work = workload_of(case)(replace(case, device="cpu", execution="eager"), device, form, Clock(device))
        work.step()
        work.rewind()
        work.weigh(metrics, {})
    held = {name: int(metrics.get(f"{kind}_bytes", 0)) for name, kind in _HELD.items()}
    footprint = Footprint(**held, batches=sum(tensor.nbytes for tensor in work.batch_tensors()))
    counted = {name: int(metrics.get(name, 0)) for name in ("operators", "parameters", "moved_bytes")}
    return {"footprint": asdict(footprint), "total_bytes": footprint.total, "flops": metrics.get("step_flops"), **counted}


_HELD = {"parameters": "parameter", "gradients": "gradient", "optimizer": "optimizer", "activations": "activation"}


def _why(error: Exception) -> str:
    """An error in one line, without the advice that torch appends."""
    line = next((line for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {line[:MOST_LETTERS]}" if line else type(error).__name__


def _flops(case: Case) -> int | None:
    try:
        return step_flops(case)
    except LookupError:
        return None


def _operators(case: Case) -> int:
    """Of two short sequences of a narrow network on a CPU, along a line; a variant that works in chunks has fewer."""
    short, long = (_counted(replace(_narrowed(case), seq_len=seq_len), _by_cudnn(case)) for seq_len in (SHORT, LONG))
    return round(lagrange((SHORT, LONG), (short, long), case.seq_len))


def _narrowed(case: Case) -> Case:
    hidden = min(case.hidden_size, NARROW)
    inputs = hidden if case.input_size == case.hidden_size else 2 * NARROW  # some variants spare a projection where the two are equal
    return replace(case, hidden_size=hidden, input_size=inputs, batch_size=2, device="cpu", precision="fp32")


def _by_cudnn(case: Case) -> bool:
    return case.device.startswith("cuda") and case.implementation == "fused"


@cache
def _counted(case: Case, by_cudnn: bool) -> int:
    """Operators of one step; many cases of a suite are alike once they are narrow and short."""
    device = Device("cpu")
    with cudnn_counts() if by_cudnn else nullcontext():
        work = Workload(case, device, Format(None), Clock(device))
        work.step()  # the first also makes the optimizer's state
        return operators.count(work.step)


@cache
def _kept_on_meta(case: Case, dtype: torch.dtype) -> int:
    """Bytes that autograd keeps. A recurrence is weighed at three short lengths, because its time loop is slow on meta tensors too;
    what does not grow along a line (attention, scans, chunks) is weighed at its own length."""
    model = on_meta(lambda: network(case)).to(dtype)

    def kept(seq_len: int) -> int:
        return activation_bytes(_pass(model, case, dtype, seq_len, case.batch_size), model)

    if case.seq_len <= CHECKS[-1]:
        return kept(case.seq_len)
    first, second, last = map(kept, CHECKS)
    ends = (CHECKS[0], CHECKS[-1]), (first, last)
    straight = lagrange(*ends, CHECKS[1]) == second
    return round(lagrange(*ends, case.seq_len)) if straight else kept(case.seq_len)


@cache
def _features_on_meta(case: Case, dtype: torch.dtype) -> int:
    """Numbers that the network gives at each step."""
    with torch.no_grad():
        return int(_pass(on_meta(lambda: network(case)).to(dtype), case, dtype, 2, 1)().shape[-1])


def _pass(model: torch.nn.Module, case: Case, dtype: torch.dtype, seq_len: int, batch_size: int) -> Callable[[], torch.Tensor]:
    x = torch.empty(seq_len, batch_size, case.input_size, dtype=dtype, device="meta")
    return lambda: output_of(model(x))


def _elsewhere(case: Case) -> Footprint:
    """As meta tensors have it: fused kernels of a GPU may keep less, autocast keeps less too."""
    form = FORMATS[case.precision]
    weights, keeps, trains = weights_on_meta(case, form), case.phase != "forward", case.phase == "train"
    alike = replace(case, phase="train", precision="fp32", clip_norm=None, execution="eager", seed=0)  # what a forward pass keeps of it
    activations = _kept_on_meta(alike, form.weights) if keeps else 0
    features = _features_on_meta(alike, form.weights)
    batches = BUFFERS * NUMBER * case.seq_len * case.batch_size * (case.input_size + features)
    trained = weights.trainable_bytes
    return Footprint(weights.bytes, trained * keeps, trained * STATES_OF_ADAM * trains, activations, batches)
