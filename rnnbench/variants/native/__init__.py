"""C++ steps for CPUs, compiled once for this processor by the C++ compiler that is here; without one the plain forms run.

What is compiled is kept below the user's cache folder, under a name made of source, flags, compiler and processor.
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
COMPILERS = ("c++", "g++", "clang++")  # in this order, after what the variable CXX names


def run_on(x: "Tensor") -> bool:
    """Whether the compiled steps are the strongest form for a tensor: fp32 on a CPU, with products in fp32 or bf16."""
    import torch

    from rnnbench.variants._passes import product_type

    if x.device.type != "cpu" or x.dtype != torch.float32 or torch.compiler.is_compiling():  # which makes its own
        return False
    return product_type(x) in (torch.float32, torch.bfloat16) and library() is not None


def compiler() -> str:
    """The version line of the compiler that is used; empty where there is none."""
    return _version(path) if (path := _compiler()) else ""


@cache
def library() -> ctypes.CDLL | None:
    """The compiled steps; none without a compiler, or where it fails or its result does not load."""
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
    told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stdout  # noqa: S603 - the user's own compiler
    return told.splitlines()[0].strip() if told else Path(path).name


def _cache_folder() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rnnbench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _key(path: str) -> str:
    parts = (SOURCE.read_text(encoding="utf-8"), " ".join(FLAGS), path, _version(path), platform.machine(), _processor())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    """What `-march=native` looks at: a home folder may be shared by several machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def _build(path: str, built: Path) -> None:
    """Compile beside its place and move it there whole, so that processes that build at once do not harm one another."""
    with scratch(str(built.parent)) as folder:
        made = folder / built.name
        command = [path, *FLAGS, str(SOURCE), "-o", str(made)]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)  # noqa: S603 - the user's own compiler
        made.replace(built)
