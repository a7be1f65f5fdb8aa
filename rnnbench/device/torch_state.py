"""torch's global settings and what else decides a process's speed: captured before user code runs, restored before each case.

A plugin, a suite's file or a builder that sets one would otherwise change every case measured after it under an unchanged id. Changes
are named.
"""

import gc
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn.modules import module as torch_module

from rnnbench.device import environment


@dataclass(frozen=True, slots=True)
class Setting:
    """One global. `put` takes what `get` gave; it may raise where torch has it set only once."""

    name: str
    get: Callable[[], Any]
    put: Callable[[Any], object]
    owner: str = "torch's "

    def changed(self, before: Any, now: Any) -> str:
        """The change in words: `torch's threads: 1 → 2`."""
        owner = "" if self.name.startswith("torch") else self.owner
        return f"{owner}{self.name}: {_shown(before)} → {_shown(now)}"


def _attribute(name: str, home: Any, attribute: str) -> Setting:
    return Setting(name, partial(getattr, home, attribute), partial(setattr, home, attribute))


def _denormals_are_zero() -> bool:
    """torch has no getter: the smallest double ÷ 1 is 0 where they are."""
    return float(torch.tensor(5e-324, dtype=torch.float64, device="cpu").mul(1.0)) == 0.0


def _determinism() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _autocast(kind: str) -> tuple[bool, torch.dtype]:
    return torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)


def _put_autocast(kind: str, value: tuple[bool, torch.dtype]) -> None:
    torch.set_autocast_enabled(kind, value[0])
    torch.set_autocast_dtype(kind, value[1])


def _put_hooks(table: dict[int, Any], value: dict[int, Any]) -> None:
    table.clear()
    table.update(value)


def _collect_garbage(value: bool) -> None:
    (gc.enable if value else gc.disable)()


def _put_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _of_the_process() -> tuple[Setting, ...]:
    """What is not torch's. Cores are those of the calling thread: torch's own threads that already run keep theirs."""
    cores = []
    if hasattr(os, "sched_getaffinity"):
        cores = [Setting("cores", lambda: os.sched_getaffinity(0), lambda value: os.sched_setaffinity(0, value), "the process's ")]
    variables = [Setting(name, partial(os.environ.get, name), partial(_put_variable, name), "") for name in environment.VARIABLES]
    return (*cores, Setting("garbage collection", gc.isenabled, _collect_garbage, "Python's "), *variables)


SEED = Setting("seed", torch.initial_seed, lambda _: None)  # put back with the generator's state


def _settings() -> tuple[Setting, ...]:
    """In the order in which they are put back: torch's matmul precision also sets that of single backends."""
    backends: Any = torch.backends
    homes = (
        ("torch.backends.mkldnn", backends.mkldnn, ("enabled", "deterministic", "fp32_precision")),
        ("torch.backends.mkldnn.matmul", getattr(backends.mkldnn, "matmul", None), ("fp32_precision",)),
        ("torch.backends.mkldnn.rnn", getattr(backends.mkldnn, "rnn", None), ("fp32_precision",)),
        ("torch.backends.mkldnn.conv", getattr(backends.mkldnn, "conv", None), ("fp32_precision",)),
        ("torch.backends.cudnn", backends.cudnn, ("enabled", "benchmark", "deterministic", "fp32_precision")),
        ("torch.backends.cudnn.rnn", getattr(backends.cudnn, "rnn", None), ("fp32_precision",)),
        ("torch.backends.cudnn.conv", getattr(backends.cudnn, "conv", None), ("fp32_precision",)),
        (
            "torch.backends.cuda.matmul",
            backends.cuda.matmul,
            (
                "fp32_precision",
                "allow_bf16_reduced_precision_reduction",
                "allow_fp16_reduced_precision_reduction",
                "allow_fp16_accumulation",
            ),
        ),
        ("torch.backends.quantized", backends.quantized, ("engine",)),
        ("torch.backends.opt_einsum", backends.opt_einsum, ("enabled",)),
    )
    attributes = [_attribute(f"{name}.{one}", home, one) for name, home, names in homes if home is not None for one in names]
    attention = [
        Setting(f"torch's {name} attention", getattr(backends.cuda, f"{name}_sdp_enabled"), getattr(backends.cuda, f"enable_{name}_sdp"))
        for name in ("flash", "mem_efficient", "math", "cudnn")
        if hasattr(backends.cuda, f"{name}_sdp_enabled")
    ]
    hooks = [
        Setting(f"{name.removeprefix('_global_').replace('_', ' ')} of every module", partial(dict, table), partial(_put_hooks, table))
        for name, table in vars(torch_module).items()
        if name.startswith("_global_") and name.endswith("_hooks") and isinstance(table, dict)
    ]
    return (
        Setting("default dtype", torch.get_default_dtype, torch.set_default_dtype),
        Setting("default device", torch.get_default_device, torch.set_default_device),
        Setting("threads", torch.get_num_threads, torch.set_num_threads),
        Setting("interop threads", torch.get_num_interop_threads, torch.set_num_interop_threads),
        Setting("deterministic algorithms", _determinism, lambda v: torch.use_deterministic_algorithms(v[0], warn_only=v[1])),
        _attribute("filling of uninitialized memory", torch.utils.deterministic, "fill_uninitialized_memory"),
        Setting("matmul precision", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
        *attributes,
        *attention,
        Setting("gradient mode", torch.is_grad_enabled, torch.set_grad_enabled),
        Setting("anomaly mode", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
        *(Setting(f"autocast on {kind}", partial(_autocast, kind), partial(_put_autocast, kind)) for kind in ("cpu", "cuda")),
        Setting("flushing of denormal numbers", _denormals_are_zero, torch.set_flush_denormal),
        SEED,
        *hooks,
    )


SETTINGS = (*_settings(), *_of_the_process())


class TorchState:
    """The settings, and the states of the random generators, as they are at its making."""

    def __init__(self) -> None:
        self._values = _values()
        self._torch_random, self._random = torch.get_rng_state(), random.getstate()
        self._numpy_random = numpy.random.get_state() if (numpy := sys.modules.get("numpy")) else None

    def changes(self) -> list[str]:
        """What is another now, each in words."""
        now = _values()
        pairs = ((one, self._values[one.name], now[one.name]) for one in SETTINGS)
        return [one.changed(before, after) for one, before, after in pairs if before != after]

    def restore(self, *, generators: bool = True) -> list[str]:
        """Put everything back, but for the random generators where they are to go on; returns what had been changed."""
        now, told = _values(), []
        for one in SETTINGS:
            before = self._values[one.name]
            if before == now[one.name]:
                continue
            fate = "put back" if generators or one is not SEED else "left so"
            try:
                one.put(before)
            except (RuntimeError, ValueError, AttributeError):
                fate = "torch cannot put it back in this process"
            told.append(f"{one.changed(before, now[one.name])}; {fate}")
        if generators:
            torch.set_rng_state(self._torch_random)
            random.setstate(self._random)
            if self._numpy_random is not None:
                sys.modules["numpy"].random.set_state(self._numpy_random)
        return told


_base: TorchState | None = None
_by_plugins: list[str] = []


def base() -> TorchState:
    """The state before anything of a user's ran in this process: taken at the first call."""
    global _base  # noqa: PLW0603 - torch's settings are global too
    if _base is None:
        _base = TorchState()
    return _base


def accept(name: str) -> None:
    """Take the present value of a setting into the base: rnnbench itself has changed it, after plugins were loaded."""
    base()._values[name] = _values()[name]  # noqa: SLF001 - of this module


@contextmanager
def loading(path: str | Path) -> Iterator[None]:
    """Put back what a user's file sets while it is loaded; each case measured in this process says so in its notes.

    Compared with the state at its beginning: what the process had set by then is not the file's doing.
    """
    base()
    state = TorchState()
    try:
        yield
    finally:
        _by_plugins.extend(f"{Path(path).name} set {change}" for change in state.restore())


@contextmanager
def measuring(notes: list[str]) -> Iterator[None]:
    """A case begins with the state as it was before any plugin, and leaves that state behind. `notes` takes what others had set."""
    state = base()
    notes.extend((*environment.cautions(), *_by_plugins))
    notes.extend(f"set in this process before the case began: {change}" for change in state.restore())
    try:
        yield
    finally:
        state.restore()


@contextmanager
def building(notes: list[str], name: str) -> Iterator[None]:
    """Put back what a variant's builder sets. The random generators go on from where it left them."""
    state = TorchState()
    try:
        yield
    finally:
        told = [f"the builder of {name!r} set {change}" for change in state.restore(generators=False)]
        notes.extend(one for one in told if one not in notes)


def _values() -> dict[str, Any]:
    found = {}
    for one in SETTINGS:
        try:
            found[one.name] = one.get()
        except (RuntimeError, AttributeError):  # an older torch; old and new precision settings mixed
            found[one.name] = None
    return found


def _shown(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, set):
        return ", ".join(map(str, sorted(value)))
    return f"{len(value)}" if isinstance(value, dict) else str(value).removeprefix("torch.")
