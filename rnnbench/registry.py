"""Registries of named things. Each is defined in a file of the package or in a user's file."""

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
    """The things that the files of one package registered, by name."""

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._found: dict[str, T] = {}
        self._complete = False

    def add(self, name: str, thing: T) -> None:
        """Register a thing. Raises BadPlugin for a name that exists already, or that cannot stand in --set, an id and a file name."""
        if not NAME_PATTERN.fullmatch(name):
            raise BadPlugin(name, f"a {self.kind} has {NAME}")
        if name in self._found:
            raise BadPlugin(name, f"a {self.kind} of that name exists already")
        self._found[name] = thing

    def put(self, name: str, thing: T) -> None:
        """Register a thing, replacing any of the same name."""
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
        """Everything, ordered by file name. The package's files are imported on the first call."""
        if not self._complete:
            home = importlib.import_module(self.package)
            for module in sorted(one.name for one in pkgutil.iter_modules(home.__path__)):
                if not module.startswith("_"):
                    importlib.import_module(f"{self.package}.{module}")
            self._complete = True
        return self._found


def user_path(path: str | Path) -> Path:
    """A user's path with `~` expanded; `~name` is kept if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def is_file(path: Path) -> bool:
    """Whether the file exists; False for a name that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether the folder exists; False for a name that no folder can have."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def load_file(path: str | Path) -> ModuleType:
    """Import a user's own Python file, once. A plugin is code and is executed. It can import files from its own folder, which comes last
    on the path, so that no file there hides an installed package. Raises BadPlugin."""
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
