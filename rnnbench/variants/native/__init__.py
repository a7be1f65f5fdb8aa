"""C++ steps for CPUs, compiled once for this processor by the installed C++ compiler; without a compiler, the plain forms run.

The compiled library is kept in the user's cache folder, under a hash of source, flags, compiler and processor.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.scratch import scratch

if TYPE_CHECKING:
    from torch import Tensor

SOURCE = Path(__file__).with_name("ln_lstm.cpp")
FLAGS = ("-O3", "-march=native", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math", "-std=c++17", "-shared", "-fPIC")
COMPILERS = ("c++", "g++", "clang++")  # tried in this order, after the one that the variable CXX names


def run_on(x: "Tensor") -> bool:
    """Whether the compiled steps are the fastest form for a tensor: fp32 on a CPU, with products in fp32 or bf16."""
    import torch

    from rnnbench.variants._passes import product_type

    if x.device.type != "cpu" or x.dtype != torch.float32 or torch.compiler.is_compiling():  # torch.compile generates its own code
        return False
    return product_type(x) in (torch.float32, torch.bfloat16) and library() is not None


def compiler() -> str:
    """The version line of the compiler; empty if there is none."""
    return _version(path) if (path := _compiler()) else ""


@cache
def library() -> ctypes.CDLL | None:
    """The compiled steps. None without a compiler, or if compiling or loading fails."""
    path = _compiler()
    if path is None:
        return None
    try:
        built = _cache_folder() / f"steps-{_key(path)}.so"
        if not built.exists():
            _build(path, built)
        return ctypes.CDLL(str(built))
    except (OSError, subprocess.SubprocessError):
        return None


def _compiler() -> str | None:
    given = os.environ.get("CXX", "")
    return next((found for name in (given, *COMPILERS) if name and (found := shutil.which(name))), None)


@cache
def _version(path: str) -> str:
    output = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stdout  # noqa: S603 - the user's own compiler
    return output.splitlines()[0].strip() if output else Path(path).name


def _cache_folder() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rnnbench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _key(path: str) -> str:
    parts = (SOURCE.read_text(encoding="utf-8"), " ".join(FLAGS), path, _version(path), platform.machine(), _processor())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    """The processor facts that `-march=native` depends on, because several machines may share a home folder."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def _build(path: str, built: Path) -> None:
    """Compile to a temporary file and rename it, so that processes that compile at once do not interfere."""
    with scratch(str(built.parent)) as folder:
        made = folder / built.name
        command = [path, *FLAGS, str(SOURCE), "-o", str(made)]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)  # noqa: S603 - the user's own compiler
        made.replace(built)
