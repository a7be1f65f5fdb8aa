"""What the tests on the stand-in share: its environment, its call log, and processes that run under it."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.tools import ROOT, Ended, command, ended

HERE = Path(__file__).parent


def libraries() -> Path | None:
    """The folder of the stand-in's libraries, or none where they are not built under this environment's torch."""
    spec = find_spec("torch")
    home = Path(spec.origin).parents[1] / "nvidia" / "cu13" / "lib" if spec and spec.origin else None
    return home if home and (home / "rnnbench-stand-in").exists() else None


def variables(*, values: bool = False, **more: object) -> dict[str, str]:
    """Environment variables of a process on the stand-in. `more` are its own settings: devices=2 becomes STANDIN_DEVICES."""
    home = str(libraries())
    path = os.pathsep.join((str(HERE / "values"), str(ROOT)))
    plain = {"LD_LIBRARY_PATH": home, "TRITON_LIBCUDA_PATH": home, "PYTHONPATH": path, "STANDIN_VALUES": str(int(values))}
    return {**plain, "OMP_NUM_THREADS": "1", **{f"STANDIN_{name.upper()}": str(value) for name, value in more.items()}}


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the log: who called what, when, with `details` as key=value."""

    process: int
    thread: int
    at_us: int
    device: int
    name: str
    details: dict[str, str] = field(default_factory=dict)


def calls(log: Path, *names: str) -> list[Call]:
    """The log's calls in order; only those of the given names, where any are."""
    return [one for one in _lines(log) if not names or one.name in names]


def _lines(log: Path) -> Iterator[Call]:
    for line in log.read_text(errors="replace").splitlines():
        process, thread, at_us, device, name, detail = line.split("\t", 5)
        plain, _, kernel = detail.partition("name=")  # a kernel's name may hold blanks and equals signs, so it is last
        found = dict(word.split("=", 1) for word in plain.split() if "=" in word)
        yield Call(int(process), int(thread), int(at_us), int(device), name, {**found, "name": kernel} if kernel else found)


def bench(*words: object, cwd: Path, values: bool = True, **settings: object) -> Ended:
    """`rnnbench …` on the stand-in. Without values a network's output is what memory held, and the case diverges."""
    return command(*words, cwd=cwd, **variables(values=values, **settings))


def python(script: str, *, cwd: Path, values: bool = False, **settings: object) -> str:
    """What a script prints that runs on the stand-in; it must end well."""
    done = ended(sys.executable, "-c", script, cwd=cwd, **variables(values=values, **settings))
    assert done.code == 0, done.err
    return done.out


def one_case(**axes: Any) -> tuple[str, ...]:
    """Words that make a run of one small case, or of few."""
    small = {
        "variant": "lstm",
        "depth": 1,
        "phase": "train",
        "precision": "fp32",
        "hidden_size": 16,
        "input_size": 16,
        "batch_size": 4,
        "seq_len": 8,
    }
    words = [word for name, value in {**small, **axes}.items() for word in ("--set", f"{name}={value}")]
    return ("--preset", "quick", "--case-budget", "0.02", "--min-rounds", "3", "--no-report", "--json", *words)
