"""The costs of a step by formula: FLOPs in matrix products, and the minimum of bytes moved.

The backward pass of a product y = W x is two products of the same size, one for the gradient of W and one for that of x. So a backward
pass counts twice its forward pass and a train step three times, minus the gradient of the network's own input, which is not required
(although some kernels compute it, see input_gradient.py). Pointwise work is not counted.
"""

from collections.abc import Callable
from dataclasses import replace

from rnnbench.case import Case
from rnnbench.measure.network import head_flops
from rnnbench.measure.probes.input_gradient import spared
from rnnbench.variants import VARIANTS

PASSES = {"forward": 1, "backward": 2, "train": 3}
"""FLOPs of a step of each phase in forward passes, including the gradient of the network's input."""


def step_flops(case: Case, run_depth: float | None = None) -> int:
    """FLOPs in the matrix products of one step. Raises LookupError, with the reason, if they are not known.

    A network with adaptive depth is counted at `run_depth`, the layers or steps that it ran, or without it at its full depth. A formula
    must be linear in depth from the first layer on.
    """
    formula = VARIANTS[case.variant].flops
    if case.phase not in PASSES:
        raise LookupError(f"phase {case.phase!r} is no single pass")
    if formula is None:
        raise LookupError(f"variant {case.variant!r} states no formula: give @variant(flops=...)")
    passed = formula(case)
    if run_depth is not None:
        one, two = (formula(replace(case, depth=depth)) for depth in (1, 2))
        passed = round(one + (run_depth - 1) * (two - one))
    return PASSES[case.phase] * (passed + head_flops(case)) - (0 if case.phase == "forward" else spared(case))


def moved_bytes(
    phase: str,
    *,
    parameters: float,
    gradients: float,
    activations: float,
    optimizer: float,
    inputs: float,
    outputs: float,
    shared: float = 0,
) -> float:
    """Minimum bytes that a step must read and write: each array once in each pass that needs it, as with perfect caches.

    Forward: weights and input read, output and activations written. `shared` of the activations are the input or the output themselves and
    are not written once more. Backward: weights, activations and the output's gradient read, gradients written. AdamW: the weights that it
    trains, gradients and both moments read, weights and moments written.
    """
    forward = parameters + inputs + outputs
    backward = parameters + activations + outputs + gradients
    adam = 3 * gradients + 2 * optimizer
    return {"forward": forward, "backward": backward, "train": forward + activations - shared + backward + adam}[phase]


def weigh(
    case: Case,
    inputs: float,
    outputs: float,
    metrics: dict[str, float],
    absent: dict[str, str],
    flops: Callable[[], int],
    shared: float = 0,
) -> None:
    """Add FLOPs, minimum bytes and their ratio to `metrics`, which already has the step's memory. `flops()` raises LookupError, with the
    reason, if a step's FLOPs are not known."""
    try:
        metrics["step_flops"] = flops()
    except LookupError as error:
        absent["step_flops"] = absent["intensity_flops_per_byte"] = str(error)
    if case.phase not in PASSES:
        absent["moved_bytes"] = f"phase {case.phase!r} is no single pass"
        return
    held = {name: metrics.get(f"{kind}_bytes", 0.0) for name, kind in _HELD.items()}
    metrics["moved_bytes"] = moved_bytes(case.phase, inputs=inputs, outputs=outputs, shared=shared, **held)
    if "step_flops" in metrics:
        metrics["intensity_flops_per_byte"] = metrics["step_flops"] / metrics["moved_bytes"]


_HELD = {"parameters": "parameter", "gradients": "gradient", "activations": "activation", "optimizer": "optimizer"}
