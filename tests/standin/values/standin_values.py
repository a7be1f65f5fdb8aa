"""Real values on the stand-in. An operator on CUDA tensors first runs as it is: its allocations, launches and log are real, its kernels do
nothing. Then the CPU's kernel computes the values over the same memory, which is the host's. The replay of a graph computes nothing.
"""

import atexit
import time

import torch
from standin_formulas import WRITTEN
from standin_memory import MOST, over, put, zeros

# sizes that depend on values: the CPU's result is copied over
SIZED = {"nonzero", "masked_select", "_unique2", "unique_dim", "unique_consecutive", "bincount", "repeat_interleave"}
HOSTED = {"pow.Scalar"}  # its CUDA kernel hands a number on as a CUDA tensor, which Python does not take
SKIPPED = {
    "set_",
    "resize_",
    "record_stream",
    "_local_scalar_dense",
    "is_pinned",
    "_pin_memory",
    "empty",
    "empty_strided",
    "_has_same_storage_numel",
    "_copy_from",
    "_copy_from_and_resize",
    "_resize_output_",
    "is_set_to",
    "_flash_attention_forward",
    "_cudnn_init_dropout_state",
    "_use_cudnn_ctc_loss",
}
PRODUCTS = {"mm": 0, "addmm": 1, "bmm": 0, "baddbmm": 1, "addmv": 1, "mv": 0}  # where the left factor is
LIBRARY = None


def lowered(value):
    if isinstance(value, torch.Tensor):
        return over(value)
    if isinstance(value, torch.device):
        return torch.device("cpu")
    if isinstance(value, (list, tuple)):
        return type(value)(lowered(one) for one in value) if not hasattr(value, "_fields") else [lowered(one) for one in value]
    return value


def numbered(args, places):
    """A number in a tensor's place, which PyTorch hands over bare, as a tensor of the format that it would give way to."""
    args = list(args)
    formats = [one.dtype for one in args if isinstance(one, torch.Tensor)]
    for place in places:
        if place < len(args) and isinstance(args[place], (bool, int, float, complex)):
            value = args[place]
            other = next(iter(formats), torch.get_default_dtype())
            if isinstance(value, bool):
                dtype = torch.bool
            elif isinstance(value, complex):
                dtype = torch.complex64
            elif other.is_floating_point or other.is_complex or (isinstance(value, int) and other != torch.bool):
                dtype = other
            else:
                dtype = torch.int64 if isinstance(value, int) else torch.get_default_dtype()
            args[place] = torch.tensor(value, dtype=dtype)
    return args


def drawn(op, args, kwargs):
    """The CPU's generator stands, for one operator, where the CUDA generator of the current device does."""
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    chosen = [*args, *kwargs.values()]
    generator = next((one for one in chosen if isinstance(one, torch.Generator)), generator)
    try:
        place = generator.get_offset()
    except RuntimeError:
        place = 0
    return generator.initial_seed() * 1000003 + place & (1 << 62) - 1


def follows(op, kernel):
    schema = op._schema
    name = schema.name.removeprefix("aten::")
    writes = any(a.alias_info is not None and a.alias_info.is_write for a in schema.arguments)
    random = torch.Tag.nondeterministic_seeded in op.tags
    sized = (name in SIZED or f"{name}.{schema.overload_name}" in HOSTED) and not writes
    left = PRODUCTS.get(name.partition(".")[0])

    tensors = [place for place, a in enumerate(schema.arguments) if not a.kwarg_only and str(a.type) in ("Tensor", "Optional[Tensor]")]

    def run(keyset, *args, **kwargs):
        args = numbered(args, tensors)
        seed = drawn(op, args, kwargs) if random else None
        if sized:
            home = next(one.device for one in args if isinstance(one, torch.Tensor))
            found = op(*lowered(args), **lowered_named(kwargs))
            return found.to(home) if isinstance(found, torch.Tensor) else tuple(one.to(home) for one in found)
        results = kernel.call_boxed(keyset, *args, **kwargs)
        if left is not None and 2 * args[left].numel() * args[left + 1].shape[-1] > MOST:
            put(results, zeros(results))
            return results
        low, named = lowered(args), lowered_named(kwargs)
        if random:
            low = tuple(None if isinstance(one, torch.Generator) else one for one in low)
            named = {key: None if isinstance(one, torch.Generator) else one for key, one in named.items()}
            kept = torch.get_rng_state()
            torch.default_generator.manual_seed(seed)
        try:
            values = op(*low, **named)
        except (RuntimeError, IndexError) as error:  # the CPU's kernel wants something else: no value, and it is told
            error.add_note(f"standin_values: {op}, {[tuple(one.shape) if isinstance(one, torch.Tensor) else one for one in low]}")
            raise
        finally:
            if random:
                torch.set_rng_state(kept)
        if not writes:
            put(results, values)
        return results

    return run


def lowered_named(kwargs):
    return {key: lowered(value) for key, value in kwargs.items()}


def install():
    global LIBRARY
    # autograd's thread may still be leaving Python when the main thread has its gradients; an interpreter that ends then would abort
    atexit.register(time.sleep, 0.05)
    LIBRARY = torch.library.Library("aten", "IMPL")
    for whole in torch._C._dispatch_get_all_op_names():
        space, _, name = whole.partition("::")
        if space != "aten" or not (torch._C._dispatch_has_kernel_for_dispatch_key(whole, "CUDA") or whole == "aten::copy_"):
            continue
        base, _, overload = name.partition(".")
        if base in SKIPPED:
            continue
        op = getattr(getattr(torch.ops.aten, base), overload or "default")
        if any(r.alias_info is not None and not r.alias_info.is_write for r in op._schema.returns):
            continue  # a view
        kernel = torch.library.get_kernel(whole, "CUDA")
        if base in WRITTEN and not overload:
            run = WRITTEN[base](kernel)
        elif torch._C._dispatch_has_kernel_for_dispatch_key(whole, "CPU") or torch._C._dispatch_has_kernel_for_dispatch_key(
            whole, "CompositeExplicitAutograd"
        ):
            run = follows(op, kernel)
        else:
            continue
        LIBRARY.impl(name, run, "CUDA", with_keyset=True, allow_override=True)
