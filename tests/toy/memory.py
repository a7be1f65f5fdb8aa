"""The device's memory: bytes of live storages, as CUDA's caching allocator would state them."""

import weakref

import torch

from tests.toy.settings import TOY

SEGMENT_BYTES = 2 * 2**20  # memory is reserved in steps of this, as CUDA's allocator does


class Ledger:
    """Counts. No lock: the autograd thread works only while the main one waits for it."""

    def __init__(self) -> None:
        self.allocated = self.reserved = self.peak_allocated = self.peak_reserved = 0
        self.total_allocated = self.allocations = self.ooms = 0

    def take(self, storage: torch.UntypedStorage) -> None:
        """Count a new storage until it dies. Raises OutOfMemoryError beyond the capacity."""
        size = storage.nbytes()
        if self.allocated + size > TOY.capacity_bytes:
            self.ooms += 1
            raise torch.OutOfMemoryError(
                f"toy out of memory. Tried to allocate {_text(size)}. toy:0 has a total capacity of {_text(TOY.capacity_bytes)} "
                f"of which {_text(max(0, TOY.capacity_bytes - self.allocated))} is free."
            )
        self.allocated += size
        self.total_allocated += size
        self.allocations += 1
        self.reserved = max(self.reserved, self._segments())
        self.peak_allocated = max(self.peak_allocated, self.allocated)
        self.peak_reserved = max(self.peak_reserved, self.reserved)
        weakref.finalize(storage, self._free, size).atexit = False

    def reset_peaks(self) -> None:
        self.peak_allocated, self.peak_reserved = self.allocated, self.reserved

    def empty_cache(self) -> None:
        """Give back what is reserved and not used."""
        self.reserved = self._segments()

    def stats(self) -> dict[str, int]:
        """By the names that torch.cuda.memory_stats uses."""
        return {
            "allocated_bytes.all.current": self.allocated,
            "allocated_bytes.all.peak": self.peak_allocated,
            "allocated_bytes.all.allocated": self.total_allocated,
            "allocated_bytes.all.freed": self.total_allocated - self.allocated,
            "reserved_bytes.all.current": self.reserved,
            "reserved_bytes.all.peak": self.peak_reserved,
            "allocation.all.allocated": self.allocations,
            "num_ooms": self.ooms,
            "num_alloc_retries": 0,
        }

    def _segments(self) -> int:
        return max(self.allocated, min(-(-self.allocated // SEGMENT_BYTES) * SEGMENT_BYTES, TOY.capacity_bytes))

    def _free(self, size: int) -> None:
        self.allocated -= size


def _text(size: int) -> str:
    """Bytes as CUDA's messages print them."""
    for unit, step in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= step:
            return f"{size / step:.2f} {unit}"
    return f"{size} bytes"


LEDGER = Ledger()
