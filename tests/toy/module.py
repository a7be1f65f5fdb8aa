"""What `torch.toy` and `torch.get_device_module("toy")` are: the counterpart of `torch.cuda`. Calls that matter are logged."""

from functools import wraps
from typing import Any

import torch

from tests.toy import queue
from tests.toy.log import log
from tests.toy.memory import LEDGER
from tests.toy.queue import STREAM, Event, Stream  # noqa: F401 - part of a device module
from tests.toy.settings import TOY


def _logged(function):
    @wraps(function)
    def logged(*args: Any, **kwargs: Any):
        log(function.__name__)
        return function(*args, **kwargs)

    return logged


def _index(device: Any = None) -> int:
    index = 0 if device is None else device if isinstance(device, int) else torch.device(device).index or 0
    if index not in (0, -1):
        raise RuntimeError(f"toy error: invalid device ordinal ({device}; there is one, toy:0)")
    return index


# What torch itself asks.
def is_available() -> bool:
    return True


def is_initialized() -> bool:
    return True


def init() -> None:
    pass


def _lazy_init() -> None:
    pass


def _is_in_bad_fork() -> bool:
    return False


def device_count() -> int:
    return 1


def current_device() -> int:
    return 0


def get_amp_supported_dtype() -> list[torch.dtype]:
    return [torch.bfloat16, torch.float16]


def is_bf16_supported(including_emulation: bool = True) -> bool:
    return True


# Devices and streams.
def set_device(device: Any) -> None:
    _index(device)


class device:
    """`with torch.toy.device(0):`"""

    def __init__(self, device: Any) -> None:
        self.idx = _index(device)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def get_device_name(device: Any = None) -> str:
    return "Toy accelerator"


def get_device_properties(device: Any = None) -> Any:
    return queue.SimpleNamespace(name=get_device_name(), total_memory=TOY.capacity_bytes, multi_processor_count=1)


def get_device_capability(device: Any = None) -> tuple[int, int]:
    return (1, 0)


def current_stream(device: Any = None) -> Stream:
    return STREAM


def default_stream(device: Any = None) -> Stream:
    return STREAM


@_logged
def synchronize(device: Any = None) -> None:
    _index(device)
    queue.finish()


# Memory.
@_logged
def memory_allocated(device: Any = None) -> int:
    return LEDGER.allocated


@_logged
def max_memory_allocated(device: Any = None) -> int:
    return LEDGER.peak_allocated


@_logged
def memory_reserved(device: Any = None) -> int:
    return LEDGER.reserved


@_logged
def max_memory_reserved(device: Any = None) -> int:
    return LEDGER.peak_reserved


@_logged
def reset_peak_memory_stats(device: Any = None) -> None:
    LEDGER.reset_peaks()


@_logged
def empty_cache() -> None:
    LEDGER.empty_cache()


@_logged
def memory_stats(device: Any = None) -> dict[str, int]:
    return LEDGER.stats()


@_logged
def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free and total bytes."""
    return max(0, TOY.capacity_bytes - LEDGER.reserved), TOY.capacity_bytes


# Random numbers come from the CPU's generator: the same seed gives the same numbers on both.
@_logged
def manual_seed(seed: int) -> None:
    torch.default_generator.manual_seed(seed)


@_logged
def manual_seed_all(seed: int) -> None:
    torch.default_generator.manual_seed(seed)


def seed_all() -> None:
    torch.default_generator.seed()


def initial_seed() -> int:
    return torch.default_generator.initial_seed()


def get_rng_state(device: Any = None) -> torch.Tensor:
    return torch.default_generator.get_state()


def set_rng_state(new_state: torch.Tensor, device: Any = None) -> None:
    torch.default_generator.set_state(new_state)
