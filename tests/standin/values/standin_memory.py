"""CUDA tensors on the stand-in as CPU tensors over the same memory."""

import ctypes
import os

import torch

MOST = float(os.environ.get("STANDIN_MOST", "3e8"))  # operations of one product or recurrent pass; beyond, its results are zeros


def over(tensor):
    """A CPU tensor over the same memory."""
    if not isinstance(tensor, torch.Tensor) or tensor.device.type != "cuda":
        return tensor
    storage = tensor.untyped_storage()
    if not storage.nbytes():
        return torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype)
    memory = torch.frombuffer((ctypes.c_char * storage.nbytes()).from_address(storage.data_ptr()), dtype=torch.uint8)
    return torch.empty(0, dtype=tensor.dtype).set_(memory.untyped_storage(), tensor.storage_offset(), tensor.size(), tensor.stride())


def put(results, values):
    """Copies the CPU's values into what the CUDA operator returned."""
    if isinstance(results, torch.Tensor):
        if results.device.type == "cuda" and isinstance(values, torch.Tensor) and results.numel():
            over(results).copy_(values.reshape(results.shape) if values.numel() == results.numel() else values)
    elif isinstance(results, (list, tuple)):
        for one, value in zip(results, values, strict=False):
            put(one, value)


def zeros(results):
    if isinstance(results, (list, tuple)):
        return [zeros(one) for one in results]
    return None if results is None else torch.zeros(1).expand(results.shape)
