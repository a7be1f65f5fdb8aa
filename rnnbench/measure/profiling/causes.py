"""Why a step is slower than it need be, as far as that can be seen: layers that left their fused kernel, values that the host asks for,
parameters without a gradient, padding.

Nothing is inferred from a list of known cases. A layer's operators are watched; where it has no fused kernel, small layers of its kind with
one of its properties each are run here, and those that lose the kernel name the cause.
"""

import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from linecache import getline
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import rnnbench
from rnnbench.device.precision import autocast
from rnnbench.measure.probes.operators import FUSED
from rnnbench.measure.train_step import backward
from rnnbench.measure.workload import INFERENCE, Workload

COPIES = ("clone", "copy_", "contiguous", "_to_copy")
WAITING = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)
"""torch's own tags of operators whose result the host needs before it can go on; indexing has one too, but waits for masks only."""
INDEXING, PACKING = ("index", "index_put", "index_put_"), "_pack_padded_sequence"
MOST_NAMES = 5
LEAST_PADDING = 0.05
_NOT_THE_USERS = tuple(str(Path(str(one.__file__)).parent) for one in (torch, rnnbench))


@dataclass(slots=True)
class Layer:
    """A recurrent layer's operators in one forward pass, and the input that it got first."""

    module: nn.RNNBase
    calls: int = 0
    operators: Counter[str] = field(default_factory=Counter)
    packed: bool = False
    dtype: torch.dtype = torch.float32
    input_bytes: int = 0

    @property
    def fused(self) -> bool:
        """Whether one of torch's fused kernels ran."""
        return _is_fused(self.operators)


class _Watch(TorchDispatchMode):
    """Operators by recurrent layer, and the user's lines that ask for a device's values on the host.

    On a CPU, what a GPU would hold is known by descent: weights and batches (`held`), and all that is computed from them."""

    def __init__(self, held: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.inside: list[Layer] = []
        self.waits: Counter[tuple[str, int, str]] = Counter()
        self._held = weakref.WeakValueDictionary({id(one): one for one in held})

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if self.inside:
            self.inside[-1].operators[name] += 1
        held = any(self._on_device(one) for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor))
        if held and (_by_mask(args[1]) if name in INDEXING else any(tag in func.tags for tag in WAITING)):
            place = _users_line(sys._getframe())  # noqa: SLF001 - traceback would build the whole stack
            if place:
                self.waits[(*place, name)] += 1
        found = func(*args, **(kwargs or {}))
        if held:
            made = [one for one in tree_leaves(found) if isinstance(one, Tensor)]
            for one in made[:1] if name == PACKING else made:  # its second result counts sequences, on the host
                self._held[id(one)] = one
        return found

    def _on_device(self, one: Tensor) -> bool:
        return one.device.type != "cpu" or self._held.get(id(one)) is one


def causes(work: Any, metrics: Mapping[str, float]) -> list[str]:
    """Sentences on one more step of `work`, which need not be a model of the user's; none for compiled, captured and decoding steps."""
    if not isinstance(work, Workload) or work.case.execution != "eager" or work.stream is not None:
        return []
    layers = {name or "the model": Layer(one) for name, one in work.model.named_modules() if isinstance(one, nn.RNNBase)}
    watch = _Watch(work.device_tensors())
    with ExitStack() as hooks:
        for layer in layers.values():
            for handle in _hooked(layer, watch):
                hooks.callback(handle.remove)
        unused = _one_step(work, watch)
    near = partial(autocast, work._form, work.device)  # noqa: SLF001 - as its forward pass has it
    found = [sentence for name, layer in layers.items() if layer.calls for sentence in _of_layer(name, layer, work, near)]
    found += [_waits(place, count) for place, count in watch.waits.most_common(MOST_NAMES)]
    if unused:
        found.append(_unused(unused, sum(1 for _ in work.model.parameters())))
    if (share := metrics.get("padding_share", 0.0)) >= LEAST_PADDING:
        found.append(f"{share:.0%} of the positions are padding: batches of sequences of similar length would hold less of it.")
    return found


def _hooked(layer: Layer, watch: _Watch) -> Iterator[Any]:
    def begin(_: nn.Module, inputs: Sequence[Any]) -> None:
        layer.calls += 1
        watch.inside.append(layer)
        if layer.calls == 1 and inputs:
            layer.packed = isinstance(inputs[0], PackedSequence)
            data: Tensor = inputs[0].data if layer.packed else inputs[0]
            layer.dtype, layer.input_bytes = data.dtype, data.nbytes

    def end(*_: Any) -> None:
        watch.inside.pop()

    yield layer.module.register_forward_pre_hook(begin)
    yield layer.module.register_forward_hook(end, always_call=True)


def _one_step(work: Workload, watch: _Watch) -> list[str]:
    """The user's part of a step under watch; the names of trainable parameters that got no gradient."""
    work.rewind()
    work.next_batch()
    if work.case.phase in INFERENCE:
        with torch.no_grad(), watch:
            work.forward()
        return []
    work.model.zero_grad(set_to_none=True)
    with watch:
        work.forward()
        work.take_loss()
    backward(work.loss)
    return [name for name, one in work.model.named_parameters() if one.requires_grad and one.grad is None]


def _of_layer(name: str, layer: Layer, work: Workload, near: Callable[[], Any]) -> Iterator[str]:
    """What keeps a layer from its fused kernel, and what its input costs."""
    kind, where = type(layer.module), work.device.name
    called, many = f"{name} ({kind.__name__})", f"its forward pass is {sum(layer.operators.values()):,} operators"
    trial = partial(_trial, layer.module, work, near)
    if not layer.fused:
        yield _unfused(called, many, layer, where, trial)
    elif layer.module.batch_first and not layer.packed and _copies(trial(batch_first=True)) > _copies(trial()):
        yield f"{called} copies its input of {layer.input_bytes:,} bytes in every pass: batch_first=True; time-major inputs need no copy."
    pieces = {one.untyped_storage().data_ptr() for one in layer.module.parameters()}
    if work.device.torch.type == "cuda" and layer.fused and len(pieces) > 1:
        yield f"{called} has its weights in {len(pieces)} pieces, which cuDNN copies together at every call: call flatten_parameters()."


def _unfused(called: str, many: str, layer: Layer, where: str, trial: Callable[..., Counter[str]]) -> str:
    """Why a layer has no fused kernel, from small layers of its kind."""
    kind = type(layer.module).__name__
    if not _is_fused(trial()):
        return f"{called} has no fused kernel on {where}: {many}, and a plain {kind} is a loop here too."
    to_blame = [text for text, change in _properties(layer) if not _is_fused(trial(**change))]
    if not to_blame:
        return f"{called} left the fused kernel: {many}. Its format, packing, projection, dropout and layout are not the cause."
    each = "with either" if len(to_blame) > 1 else "with that"
    tried = f"(Tried here: a small {kind} is fused, and {each} it is not.)"
    return f"{called} left the fused kernel because of {' and '.join(to_blame)}: {many}. {tried}"


def _properties(layer: Layer) -> Iterator[tuple[str, dict[str, Any]]]:
    """What of a layer might cost it the kernel, each with the change that gives a small layer the same."""
    module = layer.module
    if layer.packed:
        yield "packed input", {"packed": True}
    if module.proj_size:
        yield f"proj_size={module.proj_size}", {"proj_size": 4}
    if layer.dtype not in (torch.float32, torch.bfloat16):
        yield f"{str(layer.dtype).removeprefix('torch.')} input", {"dtype": layer.dtype}
    elif layer.dtype is not torch.float32:
        yield "bfloat16 input", {"dtype": layer.dtype}
    if module.dropout and module.training and module.num_layers > 1:
        yield f"dropout={module.dropout:g} between layers", {"dropout": 0.5}
    if module.batch_first:
        yield "batch_first=True", {"batch_first": True}
    if not module.bias:
        yield "bias=False", {"bias": False}


def _trial(
    like: nn.RNNBase, work: Workload, near: Callable[[], Any], *, packed: bool = False, dtype: torch.dtype | None = None, **more: Any
) -> Counter[str]:
    """The operators of a small layer of the same kind and form with one property; none where it cannot run."""
    layer = Layer(like)
    watch = _Watch()
    watch.inside.append(layer)
    try:
        whole = getattr(nn, like.mode.split("_")[0])
        small = whole(8, 8, like.num_layers, bidirectional=like.bidirectional, device=work.device.torch, dtype=dtype, **more)
        small.train(like.training)
        x = torch.zeros(3, 2, 8, device=work.device.torch, dtype=dtype)
        inputs = pack_sequence([x[:, 0], x[:2, 1]]) if packed else x
        with near() if dtype is None else ExitStack(), torch.set_grad_enabled(work.case.phase not in INFERENCE), watch:
            small(inputs)
    except (RuntimeError, NotImplementedError):
        return Counter()
    return layer.operators


def _is_fused(operators: Counter[str]) -> bool:
    return any(operators[name] for name in FUSED)


def _copies(operators: Counter[str]) -> int:
    return sum(operators[name] for name in COPIES)


def _by_mask(indices: Any) -> bool:
    """Whether a tensor is indexed by a mask, whose true places have to be counted first."""
    return any(isinstance(one, Tensor) and one.dtype in (torch.bool, torch.uint8) for one in indices)


def _users_line(frame: FrameType | None) -> tuple[str, int] | None:
    """The innermost line that is neither torch's nor ours."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((*_NOT_THE_USERS, "<")):
            return file, frame.f_lineno
        frame = frame.f_back
    return None


def _waits(place: tuple[str, int, str], count: int) -> str:
    file, line, operator = place
    times = "once" if count == 1 else f"{count} times"
    asks = f"{Path(file).name}:{line} asks for a value on the host {times} a step (aten::{operator})"
    return f"{asks}, for which a GPU has to finish first: {getline(file, line).strip()}"


def _unused(names: Sequence[str], total: int) -> str:
    shown = ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")
    return f"{len(names)} of {total} parameters got no gradient, so this loss does not depend on them: {shown}."
