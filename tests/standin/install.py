"""pip for `tox -e standin`: PyTorch's CUDA build without NVIDIA's packages, and everything else in the tested versions.

The stand-in takes the place of NVIDIA's libraries, so PyTorch's metadata stops asking for them; `pip check` stays clean. Headers come from
three small wheels. Arguments are those of `pip install`.
"""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

TORCH = ("torch==2.14.1", "triton==3.8.0")
HEADERS = ("nvidia-cuda-runtime==13.0.96", "nvidia-cuda-cupti==13.0.85", "nvidia-cuda-crt==13.0.88")
OURS = Path(__file__).resolve().parents[2] / "constraints.txt"
TAKEN = re.compile(r"Requires-Dist: (nvidia-|cuda-)")


def pip(*words: str) -> None:
    subprocess.run([sys.executable, "-I", "-m", "pip", "install", *words], check=True)


def torch_metadata() -> Path | None:
    try:
        return Path(str(distribution("torch").locate_file(""))) / f"torch-{distribution('torch').version}.dist-info" / "METADATA"
    except PackageNotFoundError:
        return None


def install_torch(constraints: Path) -> None:
    pip("--no-deps", *TORCH, *HEADERS)
    home = torch_metadata()
    assert home is not None
    home.write_text("".join(line for line in home.read_text().splitlines(keepends=True) if not TAKEN.match(line)))
    pip("-c", str(constraints), *TORCH)  # what it needs besides


def main() -> None:
    constraints = Path(sys.prefix) / "standin-constraints.txt"
    kept = [line for line in OURS.read_text().splitlines() if not re.match(r"(torch|triton|setuptools)==", line)]
    constraints.write_text("\n".join((*kept, *TORCH)) + "\n")
    if torch_metadata() is None:
        install_torch(constraints)
    pip("-c", str(constraints), *sys.argv[1:])


if __name__ == "__main__":
    main()
