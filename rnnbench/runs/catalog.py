"""Where suites are: the shipped ones by name, a user's own by path."""

from dataclasses import dataclass
from pathlib import Path

import rnnbench
from rnnbench.errors import BadPlugin, UnknownName
from rnnbench.registry import is_file, load_file, user_path
from rnnbench.suite import Suite


@dataclass(frozen=True, slots=True)
class Found:
    """A suite and the file that defines it."""

    suite: Suite
    path: Path


def suites_folder() -> Path:
    """The shipped suites: inside the installed package, or beside it in a clone."""
    package = Path(rnnbench.__file__).parent
    inside = package / "suites"
    return inside if inside.is_dir() else package.parent / "suites"


def shipped() -> dict[str, Path]:
    """Shipped suites by name."""
    return {path.stem.removeprefix("bench_"): path for path in sorted(suites_folder().glob("bench_*.py"))}


def find(name: str) -> Found:
    """The suite of a name, or of a path to a bench_*.py file."""
    known = shipped()
    if name in known:
        return _load(known[name])
    path = user_path(name)
    if path.suffix == ".py" or is_file(path):
        if not is_file(path):
            raise BadPlugin(name, "there is no such file")
        return _load(path.resolve())
    raise UnknownName("suite", name, [*known, "path/to/bench_mine.py"])


def _load(path: Path) -> Found:
    suite = getattr(load_file(path), "SUITE", None)
    if not isinstance(suite, Suite):
        raise BadPlugin(path, "it defines no SUITE = Suite(…)")
    if not path.name.startswith("bench_"):
        raise BadPlugin(path, "a suite file's name starts with bench_")
    return Found(suite, path)
