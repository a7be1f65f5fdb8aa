"""How a model is run: as it stands, compiled by torch.compile, or replayed from a CUDA graph. (The graph was not yet run on a GPU.)"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.measure.devices import Clock, Device
from rnnbench.variants._deep import Layer
from rnnbench.variants._stack import Unrolled

COMPILES_FOR = ("cpu", "cuda", "xpu")
STEADY_CALLS = 2
SIDE_CALLS = 3  # on a side stream before a capture, as torch asks for
STEPWISE = {"loop": "step", "hoisted": "recur"}  # what a layer calls at every time step, by its implementation
_COMPILERS = ("torch._dynamo", "torch._inductor", "torch._functorch")


def refuse(case: Case, device: Device) -> None:
    """Raise Unsupported where the device or the phase cannot be run so, before any compute."""
    kind = device.torch.type
    if case.execution == "compile" and kind not in COMPILES_FOR:
        raise Unsupported(f"torch.compile makes code for {', '.join(COMPILES_FOR)}; not for {device.name}")
    if case.execution != "cudagraph":
        return
    if kind != "cuda":
        raise Unsupported(f"CUDA graphs need CUDA; the case runs on {device.name}")
    if case.phase not in ("forward", "train"):
        raise Unsupported(f"a CUDA graph holds a whole step; {case.phase} is timed in part or keeps a state: choose forward or train")
    if case.precision == "fp16" and case.phase == "train":
        raise Unsupported("a loss scaler looks at its gradients on the host, which no CUDA graph can hold: choose bf16")


def compiled(model: nn.Module) -> Callable[..., Any]:
    """The model with its cell compiled where it is unrolled over time, else compiled whole, for one shape."""
    stepwise = False
    for part in model.modules():
        name = "step" if isinstance(part, Unrolled) else STEPWISE.get(part.way) if isinstance(part, Layer) else None
        if name is not None:
            setattr(part, name, torch.compile(getattr(part, name), dynamic=False))
            stepwise = True
    return model if stepwise else torch.compile(model, dynamic=False)


def compile_seconds(step: Callable[[], None], clock: Clock) -> float:
    """The first call, less a steady one. Raises Unsupported with the compiler's reason where it fails."""
    try:
        first_s = _seconds(step, clock)
    except Exception as error:
        if type(error).__module__.startswith(_COMPILERS):
            raise Unsupported(f"torch.compile failed: {_reason(error)}") from error
        raise
    return max(0.0, first_s - min(_seconds(step, clock) for _ in range(STEADY_CALLS)))


def _seconds(step: Callable[[], None], clock: Clock) -> float:
    before = clock()
    step()
    return clock() - before


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2]) or type(error).__name__  # the second often names the operator


class Graph:
    """A step captured once on static tensors and replayed. `body` reads `static` and leaves its results in place."""

    def __init__(self, body: Callable[[], None], static: tuple[Tensor, ...]) -> None:
        self._static = static
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(SIDE_CALLS):
                body()
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            body()

    def replay(self, *batch: Tensor) -> None:
        """The step on another batch of the same shapes."""
        for static, given in zip(self._static, batch, strict=True):
            static.copy_(given)
        self._graph.replay()
