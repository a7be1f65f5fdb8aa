"""Builds the stand-in libraries and puts them where an installed CUDA build of PyTorch looks for NVIDIA's.

    python build.py [--torch SITE/torch] [--headers FOLDER]

PyTorch's own libraries say which symbols and versions must exist. One that no source file defines answers 0 and is logged as `default`.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

SRC = Path(__file__).parent / "src"
MARK = "rnnbench-stand-in"  # beside the libraries: what is here is no GPU's
RUNTIME = "libcudart.so.13"
SOURCES = {
    RUNTIME: ("runtime", "faults", "devices", "launches", "memory", "streams", "graphs"),
    "libcuda.so.1": ("cuda",),
    "libcublas.so.13": ("cublas",),
    "libcublasLt.so.13": ("cublas",),
    "libcudnn.so.9": ("cudnn",),
    "libcupti.so.13": ("cupti",),
    "libnccl.so.2": ("nccl",),
    "libcurand.so.10": (),  # needed by name, without a symbol
}
MACROS = {"libcublas.so.13": ("-DCUBLAS",)}
# a symbol without a version belongs to the library that its name begins like
HOMES = {
    "cuFile": "libcufile.so.0",
    "cusparseLt": "libcusparseLt.so.0",
    "nccl": "libnccl.so.2",
    "nvshmem": "libnvshmem_host.so.3",
    "cu[A-Z]": "libcuda.so.1",
}
DRIVER_CALL = r"cu(?:[A-Z][a-z0-9]+)+(?:_v2)?"

Symbols = dict[str, str]  # name: version, or nothing


def output(*command: object) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def symbols_of(path: Path, which: str) -> list[str]:
    return [line.split()[-1] for line in output("nm", "-D", which, path).splitlines() if line]


def wanted(torch: Path) -> dict[str, Symbols]:
    """By library: what PyTorch and Triton leave undefined and do not define themselves."""
    found: dict[str, Symbols] = defaultdict(dict, {name: {} for name in SOURCES})
    libraries = list((torch / "lib").glob("lib*.so"))
    own = {name.split("@")[0] for path in libraries for name in symbols_of(path, "--defined-only")}
    for path in libraries:
        for one in symbols_of(path, "--undefined-only"):
            symbol, _, version = one.partition("@")
            home = (
                version
                if re.match(r"lib(cu|nv)", version)
                else next((lib for start, lib in HOMES.items() if re.match(start, symbol)), None)
            )
            if home and symbol not in own:
                found[home][symbol] = version
    driver = found["libcuda.so.1"]
    for symbol in re.findall(rf"^{DRIVER_CALL}$", output("strings", torch / "lib" / "libc10_cuda.so"), re.MULTILINE):
        driver.setdefault(symbol, "")  # looked up by name
    for path in (torch.parent / "triton" / "backends" / "nvidia").glob("driver.*"):
        for symbol in re.findall(rf"\b{DRIVER_CALL}(?= *\()", path.read_text()):
            driver.setdefault(symbol, "")
    return found


def compiled(name: str, headers: Path, work: Path) -> tuple[list[Path], set[str]]:
    """The objects of a library's own sources, and the symbols that they define."""
    objects = []
    flags = ("-std=c++20", "-O1", "-fPIC", "-fvisibility=hidden", f"-I{headers}", *MACROS.get(name, ()))
    for source in SOURCES.get(name, ()):
        objects.append(work / f"{name}.{source}.o")
        output("g++", *flags, "-c", SRC / f"{source}.cpp", "-o", objects[-1])
    return objects, {line.split()[-1] for one in objects for line in output("nm", "--defined-only", "-g", one).splitlines() if line}


def build(name: str, symbols: Symbols, to: Path, headers: Path, work: Path) -> str:
    """Builds one library; returns a line about it."""
    objects, defined = compiled(name, headers, work)
    rest = sorted(set(symbols) - defined)
    body = "".join(f'__attribute__((visibility("default"))) long {one}(void) {{ return standin_default("{one}"); }}\n' for one in rest)
    defaults, script = work / f"{name}.defaults.c", work / f"{name}.map"
    defaults.write_text("extern long standin_default(const char *);\n" + body)
    objects.append(defaults.with_suffix(".o"))
    output("gcc", "-O1", "-fPIC", "-w", "-c", defaults, "-o", objects[-1])
    versions = {version for version in symbols.values() if version} or {name}
    script.write_text("".join(f"{version} {{ global: *; }};\n" for version in sorted(versions)))
    linked = () if name == RUNTIME else (to / RUNTIME, "-Wl,-rpath,$ORIGIN")
    flags = ("-shared", f"-Wl,-soname,{name}", f"-Wl,--version-script={script}", "-o", to / name)
    output("g++", *flags, *objects, *linked, "-ldl", "-lpthread")
    return f"{name}: {len(set(symbols) & defined)} of {len(symbols)} functions written, {len(rest)} answer 0"


def find_headers(torch: Path) -> Path:
    """The folder of CUDA 13's headers: from NVIDIA's wheels in this environment, or from a toolkit."""
    places = (torch.parent / "nvidia" / "cu13", Path(os.environ.get("CUDA_HOME", "/usr/local/cuda")))
    for place in places:
        if (place / "include" / "cuda.h").exists() and (place / "include" / "cupti.h").exists():
            return place / "include"
    sys.exit(f"no cuda.h and cupti.h under {' or '.join(map(str, places))}: install the headers' wheels (see tests/standin/README.md)")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--torch", type=Path)
    parser.add_argument("--headers", type=Path)
    chosen = parser.parse_args()
    torch = chosen.torch or next((Path(one) / "torch" for one in sys.path if (Path(one) / "torch" / "lib").is_dir()), None)
    if torch is None or not (torch / "lib" / "libc10_cuda.so").exists():
        sys.exit(f"no CUDA build of PyTorch found ({torch or 'torch is not installed'}): the stand-in only works under one")
    if any(Path("/dev").glob("nvidia[0-9]*")) and not chosen.torch:
        sys.exit("this machine has an NVIDIA GPU: name the environment to build in with --torch, so that no working one is spoilt")
    headers, to = chosen.headers or find_headers(torch), torch.parent / "nvidia" / "cu13" / "lib"
    to.mkdir(parents=True, exist_ok=True)
    libraries = wanted(torch)
    with tempfile.TemporaryDirectory() as work:
        for name in sorted(libraries, key=lambda one: one != RUNTIME):
            print(build(name, libraries[name], to, headers, Path(work)))
    output("gcc", "-shared", "-fPIC", "-O1", "-o", to / "libnvidia-ml.so.1", SRC / "nvml.c")
    (to / MARK).write_text("These libraries stand in for NVIDIA's, for tests without a GPU. They measure nothing.\n")


if __name__ == "__main__":
    main()
