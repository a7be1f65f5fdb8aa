"""Tensors on `toy`, and how an operator runs on them: on the CPU tensors inside, with the rules of an accelerator kept."""

from typing import Any

import torch

from tests.toy.cells import KERNELS
from tests.toy.engine import remember
from tests.toy.log import log
from tests.toy.memory import LEDGER
from tests.toy.queue import finish, launch

# The exceptions to "all tensors on one device", as CUDA has them.
MIXES = {"copy_", "_foreach_copy_", "index", "index_put", "index_put_", "_index_put_impl_", "_pack_padded_sequence"}
STAYS_ON_CPU = {"_pack_padded_sequence": {1}}  # results that torch wants on the host: the batch sizes
WAITS = {"_local_scalar_dense", "equal", "nonzero", "masked_select", "_unique2", "unique_consecutive", "unique_dim"}
NO_KERNEL = {"empty", "empty_strided", "empty_like", "new_empty", "new_empty_strided"}  # only allocate

_DEVICE = torch.device("cpu")  # where the data really is


class ToyTensor(torch.Tensor):
    """A tensor on `toy`; `raw` is the CPU tensor that holds its data. Views share one toy storage, as their data does."""

    raw: torch.Tensor

    @staticmethod
    def __new__(cls, raw: torch.Tensor, base: "ToyTensor | None" = None) -> "ToyTensor":
        tensor = torch.Tensor._make_wrapper_subclass(
            cls,
            raw.size(),
            strides=raw.stride(),
            storage_offset=raw.storage_offset(),
            dtype=raw.dtype,
            device=torch.device("toy", 0),
            storage_size=raw.untyped_storage().nbytes(),
        )
        tensor.raw = raw
        if base is None:
            LEDGER.take(tensor.untyped_storage())
        else:
            torch._functionalize_unsafe_set(tensor, base)
        return tensor

    def __init__(self, raw: torch.Tensor, base: "ToyTensor | None" = None) -> None:
        pass

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, op, types, args=(), kwargs=None):
        try:
            return run(op, args, kwargs or {})
        except BaseException as error:
            remember(error)
            raise

    # Module.to swaps such tensors in place, so that a parameter stays the same object, as it does on CUDA.
    def __tensor_flatten__(self):
        return ["raw"], None

    @staticmethod
    def __tensor_unflatten__(inner, context, size, stride):
        return ToyTensor(inner["raw"])

    # What torch refuses to subclasses or does wrongly for them.
    def __repr__(self, **_: Any) -> str:
        return f"{repr(self.raw.detach())[:-1]}, device='toy:0')"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.dim() == 0 else object.__format__(self, spec)

    def __reduce_ex__(self, protocol: int):
        return _rebuild, (self.detach().raw.clone(), self.requires_grad, getattr(self, "_is_param", False))

    def tolist(self):
        return self.cpu().tolist()

    def numpy(self, *, force: bool = False):
        if force:
            return self.detach().cpu().numpy()
        raise TypeError("can't convert toy:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.")

    def __array__(self, *_: Any, **__: Any):
        return self.numpy()


def _rebuild(raw: torch.Tensor, requires_grad: bool, is_parameter: bool) -> torch.Tensor:
    tensor = ToyTensor(raw)
    return torch.nn.Parameter(tensor, requires_grad) if is_parameter else tensor.requires_grad_(requires_grad)


class Lowered:
    """Arguments on their way to the CPU: what was found among them."""

    def __init__(self) -> None:
        self.toys: dict[int, ToyTensor] = {}  # by the storage of their data
        self.same: dict[int, torch.Tensor] = {}  # by the identity of their data
        self.strays: list[torch.Tensor] = []
        self.device: torch.device | None = None  # asked for by name

    def __call__(self, value: Any) -> Any:
        if isinstance(value, ToyTensor):
            self.toys.setdefault(value.raw.untyped_storage()._cdata, value)
            self.same[id(value.raw)] = value
            return value.raw
        if isinstance(value, torch.Tensor):
            self.strays.append(value)
            self.same[id(value)] = value
        elif isinstance(value, torch.device):
            self.device = value
            if value.type == "toy":
                if value.index not in (None, 0):
                    raise RuntimeError(f"toy error: invalid device ordinal ({value}; there is one, toy:0)")
                return _DEVICE
        elif isinstance(value, (list, tuple)):
            return [self(one) for one in value]
        return value

    def refuse_strays(self, op: Any, args: tuple) -> None:
        """A CPU tensor may join in only as a number, and never to be written to."""
        if not (self.toys and self.strays) or op._opname in MIXES:
            return
        written = args[0] if op._schema.is_mutable and args else None
        stray = next((one for one in self.strays if one.dim() > 0 or one is written), None)
        if stray is not None:
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but found at least two devices, toy:0 and {stray.device}! (in {op})"
            )


def run(op: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Run `op` on the CPU data of its arguments."""
    if _composite(op):
        return op._op_dk(torch._C.DispatchKey.CompositeImplicitAutograd, *args, **kwargs)
    name = op._opname
    log(name, "op")
    lower = Lowered()
    raw_args = [lower(one) for one in args]
    raw_kwargs = {key: lower(one) for key, one in kwargs.items()}
    lower.refuse_strays(op, args)
    result = KERNELS.get(name, op)(*raw_args, **raw_kwargs)
    to_host = lower.device is not None and lower.device.type != "toy"
    if to_host or (name == "copy_" and not isinstance(args[0], ToyTensor)):
        _wait_for_copy(name, args, kwargs)
        return result if to_host else args[0]
    wrapped = _wrap(result, lower, STAYS_ON_CPU.get(name, ()))
    if name in WAITS:
        finish()
    elif name not in NO_KERNEL and not _only_views(op, wrapped, lower):
        launch()
    return wrapped


_composites: dict[Any, bool] = {}


def _composite(op: Any) -> bool:
    """Is it defined by other operators? Only under inference_mode does such a one get here whole, past autocast's rules for its parts."""
    if op not in _composites:
        _composites[op] = op._opname not in KERNELS and torch._C._dispatch_has_kernel_for_dispatch_key(
            op.name(), "CompositeImplicitAutograd"
        )
    return _composites[op]


def _wait_for_copy(name: str, args: tuple, kwargs: dict[str, Any]) -> None:
    """A copy to the host waits for the device, unless it was told not to."""
    if not (kwargs.get("non_blocking") or (name == "copy_" and len(args) > 2 and args[2])):
        finish()


def _wrap(result: Any, lower: Lowered, on_cpu: Any = ()) -> Any:
    if isinstance(result, torch.Tensor):
        known = lower.same.get(id(result))
        if known is None:
            return _new(result, lower.toys.get(result.untyped_storage()._cdata))
        if known.shape != result.shape:
            raise NotImplementedError("toy cannot resize a tensor in place")
        return known
    if isinstance(result, (list, tuple)):
        return type(result)([one if index in on_cpu else _wrap(one, lower) for index, one in enumerate(result)])
    return result


def _new(raw: torch.Tensor, base: ToyTensor | None) -> ToyTensor:
    if base is not None and torch.is_inference_mode_enabled() and not base.is_inference():
        with torch.inference_mode(False):  # a view of an ordinary tensor stays ordinary
            return ToyTensor(raw, base)
    return ToyTensor(raw, base)


def _only_views(op: Any, wrapped: Any, lower: Lowered) -> bool:
    """Did the operator launch nothing, being a view?"""
    if op._schema.is_mutable:
        return False
    tensors = wrapped if isinstance(wrapped, (list, tuple)) else [wrapped]
    return all(not isinstance(one, ToyTensor) or one.raw.untyped_storage()._cdata in lower.toys for one in tensors)
