"""Registries of named things: each is found in a file of the package or in one that a user names."""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

from rnnbench.axis import NAME, NAME_PATTERN
from rnnbench.errors import BadPlugin, UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """What the files of one package registered, by name."""

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._found: dict[str, T] = {}
        self._complete = False

    def add(self, name: str, thing: T) -> None:
        """Register. A name is taken once, and can be written in --set, in an id and as a file's name."""
        if not NAME_PATTERN.fullmatch(name):
            raise BadPlugin(name, f"a {self.kind} has {NAME}")
        if name in self._found:
            raise BadPlugin(name, f"a {self.kind} of that name exists already")
        self._found[name] = thing

    def put(self, name: str, thing: T) -> None:
        """Register in place of whatever has the name."""
        self.all()
        self._found[name] = thing

    def __getitem__(self, name: str) -> T:
        found = self.all()
        if name not in found:
            raise UnknownName(self.kind, name, found)
        return found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.all())

    def all(self) -> Mapping[str, T]:
        """Everything, in the order of file names; the package's files are imported on the first call."""
        if not self._complete:
            home = importlib.import_module(self.package)
            for module in sorted(one.name for one in pkgutil.iter_modules(home.__path__)):
                if not module.startswith("_"):
                    importlib.import_module(f"{self.package}.{module}")
            self._complete = True
        return self._found


def user_path(path: str | Path) -> Path:
    """A path as a user wrote it; `~name` stays as it is where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def is_file(path: Path) -> bool:
    """Is there such a file? A name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Is there such a folder? A name that no folder can have is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def load_file(path: str | Path) -> ModuleType:
    """Import a user's own Python file, once. A plugin is code: it is run as it stands. It can import files beside it, which are looked
    for last, so that none of them hides an installed package."""
    source = user_path(path).resolve()
    name = f"rnnbench_file_{source.stem}_{abs(hash(str(source))):x}"
    if name in sys.modules:
        return sys.modules[name]
    if not is_file(source):
        raise BadPlugin(path, "there is no such file")
    spec = importlib.util.spec_from_file_location(name, source)
    if spec is None or spec.loader is None:
        raise BadPlugin(path, "it is not a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if (folder := str(source.parent)) not in sys.path:
        sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise BadPlugin(path, f"{type(error).__name__}: {error}") from error
    return module
