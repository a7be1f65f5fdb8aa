"""Does a case compute the same as its reference form? Outputs, loss and gradients for one seed and batch are compared.

A speed-up counts only if the numbers are the same. The reference form is the same variant with the same weights, in fp32 and eager, in an
implementation whose gradients come from torch: torch's own fused network, or `scan` or `hoisted` if the fused one is hand-written. The
difference is a distance relative to the reference, ‖a − b‖ ÷ ‖b‖. Fingerprints are norms of the case's own numbers; a record has them if a
second pass gives the same bits.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnnbench.case import Case
from rnnbench.device.devices import Clock
from rnnbench.device.precision import FORMATS, in_format
from rnnbench.errors import Unsupported
from rnnbench.measure.workload import INFERENCE, Workload
from rnnbench.record import DISTANCES, FINGERPRINTS, disagreement
from rnnbench.variants import VARIANTS

PLAINEST = ("scan", "hoisted", "fused")
"""Reference implementations; the first that a family has is used. Families without the first two are torch's own or attention."""
PASSES = 5  # the comparison takes about as long as this many steps
LEAST_S = 1.0  # time that it may always take, even with a small budget
DECODED = 8  # steps compared from the start of a stream
SCALE = 2.0**10  # loss scale in fp16: small gradients survive it, and few sizes overflow


@dataclass(frozen=True, slots=True)
class Numbers:
    """The results of one pass. Inference has no loss and no gradients; a captured step has no gradients, because it has changed them."""

    output: Tensor
    loss: Tensor | None = None
    gradients: tuple[Tensor, ...] = ()

    def norms(self) -> dict[str, float]:
        """The norms, by the names of the fingerprints."""
        found = {"output_fingerprint": _norm((self.output,))}
        if self.loss is not None:
            found["loss_fingerprint"] = float(self.loss)
        if self.gradients:
            found["gradient_fingerprint"] = _norm(self.gradients)
        return found

    def distances(self, reference: "Numbers") -> dict[str, float]:
        """The distances from the reference's numbers, by the names of the metrics."""
        found = {"output_distance": _distance((self.output,), (reference.output,))}
        if self.loss is not None and reference.loss is not None:
            found["loss_distance"] = _distance((self.loss,), (reference.loss,))
        if self.gradients and reference.gradients:
            found["gradient_distance"] = _distance(self.gradients, reference.gradients)
        return found


def reference_of(case: Case) -> Case:
    """The reference form of a case; the case itself if it is that form. Packed sequences have padded ones as their reference."""
    if case.packing == "packed":
        return reference_of(replace(case, packing="padded"))
    if case.own:
        return replace(case, precision="fp32", execution="eager")
    ways = VARIANTS[case.variant].implementations
    return replace(case, precision="fp32", execution="eager", implementation=next((one for one in PLAINEST if one in ways), ways[0]))


def weigh(work: Workload, step_s: float, limit_s: float, metrics: dict[str, float], absent: dict[str, str], notes: list[str]) -> None:
    """Distances and fingerprints of a case that was measured, whose weights are those of its seed afterwards. What there is not, with the
    reason; of numbers beyond their tolerance a note, before all others."""
    every = (*DISTANCES, *FINGERPRINTS)
    if not work.COMPARED:
        absent.update(dict.fromkeys(every, "the numbers of a part of a batch are not compared"))
        return
    limit_s = max(limit_s, LEAST_S)
    if step_s * PASSES > limit_s:
        why = f"{PASSES} further steps of {step_s:.2g} s are more than the {limit_s:g} s for them: raise --case-budget"
        absent.update(dict.fromkeys(every, why))
        return
    try:
        found, why_not = _compared(work)
    except (Unsupported, torch.OutOfMemoryError, MemoryError) as error:
        found, why_not = {}, f"the reference form cannot be run: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    metrics.update(found)
    for name in every:
        if name not in found:
            absent[name] = why_not if why_not and (name in DISTANCES or not found) else _why_not(name, work)
    if told := disagreement(work.case.precision, metrics):
        notes.insert(0, told)


def _why_not(name: str, work: Workload) -> str:
    """Why a figure is absent, although the forms ran."""
    if work.case.phase in INFERENCE and not name.startswith("output"):
        return f"phase {work.case.phase!r} takes no loss and no gradients"
    if name.startswith("gradient") and work.case.execution == "cudagraph":
        return "a captured step has changed its gradients by its end"
    return "two passes over one batch do not give the same bits"


def _compared(work: Workload) -> tuple[dict[str, float], str]:
    """The figures, and the reason if there are no distances."""
    case, other = work.case, reference_of(work.case)
    with in_format("fp32", work.device):
        reference = type(work)(replace(other, clip_norm=None), work.device, FORMATS["fp32"], Clock(work.device))
    taker, giver = (
        (reference, work) if case.phase == "decode" else (work, reference)
    )  # a stream may keep low-precision copies of its weights
    if not taker.start_again(giver.model):
        return {}, "the reference form holds other weights"
    first, second = (_seeded(work) for _ in range(2))
    same = {name: value for name, value in first.norms().items() if second.norms()[name] == value}
    if other == case:
        return same, "this is the reference form"
    if case.own and "output_fingerprint" not in same:
        return same, "its output is another in each pass over one batch"
    with in_format("fp32", work.device):
        wanted = _seeded(reference)
        if case.phase not in INFERENCE and _distance((_seeded(reference, 1).output,), (wanted.output,)) > 0:
            return same, "the network draws random numbers, and its implementations draw them in different orders"
    return {**same, **first.distances(wanted)}, ""


def _seeded(work: Workload, further: int = 0) -> Numbers:
    """One pass over the first batch, with random numbers from the case's seed."""
    torch.manual_seed(work.case.seed + further)
    return Numbers(*work.one_pass(DECODED, SCALE))


def _norm(tensors: tuple[Tensor, ...]) -> float:
    return float(torch.stack([torch.linalg.vector_norm(one.float()) for one in tensors]).norm())


def _distance(tensors: tuple[Tensor, ...], reference: tuple[Tensor, ...]) -> float:
    beside = _norm(reference)
    apart = _norm(tuple(a.float() - b.float() for a, b in zip(tensors, reference, strict=True)))
    return apart / beside if beside else apart
