"""How a model is executed: eager, compiled by torch.compile, or replayed from a CUDA graph."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.errors import Unsupported
from rnnbench.variants._deep import Layer
from rnnbench.variants._stack import Unrolled

COMPILES_FOR = ("cpu", "cuda", "xpu")
MODES = {  # torch.compile's mode for each execution
    "compile": "default",
    "compile_rnn": "default",
    "compile_reduce_overhead": "reduce-overhead",
    "compile_max_autotune": "max-autotune",
}
STEADY_CALLS = 2
SIDE_CALLS = 3  # calls on a side stream before a capture, as torch requires
STEPWISE = {"loop": "step", "hoisted": "recur"}  # the method that a layer calls at every time step, by implementation
_EMPTY = "CUDA Graph is empty"  # torch's warning
_COMPILERS = ("torch._dynamo", "torch._inductor", "torch._functorch")


def refuse(case: Case, device: Device) -> None:
    """Raise Unsupported if the device or the phase does not support the case's execution. Computes nothing."""
    kind = device.torch.type
    if case.execution in MODES and kind not in COMPILES_FOR:
        raise Unsupported(f"torch.compile supports {', '.join(COMPILES_FOR)}; not for {device.name}")
    if case.execution == "compile_reduce_overhead" and kind != "cuda":
        raise Unsupported(f"reduce-overhead is torch.compile with CUDA graphs; on {device.name} it changes nothing: choose compile")
    if case.execution == "compile_rnn" and not hasattr(dynamo_config(), "allow_rnn"):
        raise Unsupported("this torch cannot trace nn.LSTM, nn.GRU and nn.RNN: torch._dynamo.config.allow_rnn came with torch 2.7")
    if case.execution != "cudagraph":
        return
    if kind != "cuda":
        raise Unsupported(f"CUDA graphs need CUDA; the case runs on {device.name}")
    if case.phase not in ("forward", "train"):
        raise Unsupported(f"a CUDA graph holds a whole step; {case.phase} is timed in part or keeps a state: choose forward or train")


def dynamo_config() -> Any:
    """The settings of torch.compile's front end, imported late because the import takes a second."""
    from torch import _dynamo

    return _dynamo.config


def compiled(model: nn.Module, execution: str) -> Callable[..., Any]:
    """The model compiled for one shape: only its cell if it is unrolled over time, otherwise the whole."""
    stepwise = False
    for part in model.modules():
        name = "step" if isinstance(part, Unrolled) else STEPWISE.get(part.way) if isinstance(part, Layer) else None
        if name is not None:
            setattr(part, name, made(getattr(part, name), execution))
            stepwise = True
    if execution == "compile_rnn" and (stepwise or not any(isinstance(part, nn.RNNBase) for part in model.modules())):
        raise Unsupported("compile_rnn has torch.compile trace nn.LSTM, nn.GRU and nn.RNN, which this network does not use: choose compile")
    return model if stepwise else made(model, execution)


def made(what: Any, execution: str) -> Any:
    """A function or module under torch.compile, in the mode of the execution."""
    return torch.compile(what, dynamic=False, mode=MODES[execution])


@dataclass(frozen=True, slots=True)
class Compiled:
    """The result of torch.compile: seconds of the first call minus a steady one, graphs, graph breaks, and the first break's reason."""

    seconds: float
    graphs: int
    breaks: int
    why: str


def compile_step(step: Callable[[], None], clock: Clock, execution: str = "compile") -> Compiled:
    """Compile by calling `step`. Raises Unsupported, with the compiler's reason, if it fails or compiles nothing."""
    from torch import _dynamo
    from torch._dynamo.utils import counters

    _dynamo.reset()
    counters.clear()
    if hasattr(dynamo_config(), "allow_rnn"):
        dynamo_config().allow_rnn = execution == "compile_rnn"
    seconds = compile_seconds(step, clock)
    breaks, graphs = counters["graph_break"], int(counters["stats"]["unique_graphs"])
    why = _first_sentences(next(iter((*breaks, *counters["unimplemented"])), ""))
    if not graphs:
        raise Unsupported(f"torch.compile compiled nothing: {why or 'it gave no reason'}")
    return Compiled(seconds, graphs, sum(breaks.values()), why)


def _first_sentences(reason: str) -> str:
    """What broke a graph and why, from Dynamo's long message."""
    lines = [line.strip().removeprefix("Explanation: ") for line in reason.splitlines() if line.strip()]
    return ": ".join(line.rstrip(".") for line in lines[:2])


def compile_seconds(step: Callable[[], None], clock: Clock) -> float:
    """Seconds of the first call minus those of a steady one. Raises Unsupported, with the compiler's reason, if it fails."""
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


class EmptyGraphError(Exception):
    """A CUDA graph without kernels, whose replay would take microseconds."""


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
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with torch.cuda.graph(self._graph, stream=side):  # torch's own stream for captures stays on the device of the first one
                body()
        if any(_EMPTY in str(one.message) for one in said):
            raise EmptyGraphError("the capture holds no kernel: the step ran on another device or stream than the one that was captured")

    def replay(self, *batch: Tensor) -> None:
        """Replay the step on another batch of the same shapes."""
        for static, given in zip(self._static, batch, strict=True):
            static.copy_(given)
        self._graph.replay()
