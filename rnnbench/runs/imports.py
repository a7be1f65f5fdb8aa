"""The files of a repository that a Python file imports, directly or through others, read without running them.

Written by hand because import graphs such as grimp's ask for importable packages, and a plugin or a bench file belongs to none.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_BY_NAME = ("import_module", "__import__", "spec_from_file_location", "run_path", "run_module")


@dataclass(frozen=True, slots=True)
class Reached:
    """`files` are those that were asked about and everything that they import. `unseen` is the first of them that imports something by a
    name that only a run can tell, or that cannot be read; empty where everything is seen."""

    files: frozenset[Path]
    unseen: str = ""


class ImportGraph:
    """Who imports whom in a repository. Modules are looked for in `roots`, and beside the file that names them."""

    def __init__(self, place: Path, roots: Sequence[Path]) -> None:
        self._place = place.resolve()
        self._roots = tuple(root.resolve() for root in roots)
        self._read: dict[Path, _File] = {}

    def reached(self, files: Iterable[Path]) -> Reached:
        """What these files rest on, as far as it lies in the repository."""
        found, unseen = set[Path](), ""
        open_ = [file.resolve() for file in files]
        while open_:
            file = open_.pop()
            if file in found or not file.is_relative_to(self._place):
                continue
            found.add(file)
            if file.suffix != ".py":
                continue
            one = self._read.setdefault(file, _File(file))
            unseen = unseen or (str(file.relative_to(self._place)) if one.unseen else "")
            open_.extend(self._files_of(one))
        return Reached(frozenset(found), unseen)

    def module(self, name: str) -> list[Path]:
        """The files that are run when a module is imported: its own, and the packages around it."""
        return [file for root in self._roots for file in _along(root, name.split("."))]

    def _files_of(self, one: "_File") -> Iterator[Path]:
        for level, name in one.imports:
            if level:
                home = one.path.parents[level - 1] if level <= len(one.path.parents) else one.path.parent
                yield from _along(home, [*name.split(".")] if name else [])
            else:
                yield from self.module(name)
                yield from _along(one.path.parent, name.split("."))
        yield from _packages_around(one.path, self._place)


class _File:
    """One Python file: what it imports as (level of the dots, name), and whether some of it cannot be seen."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def _tree(self) -> ast.AST | None:
        try:
            return ast.parse(self.path.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            return None

    @cached_property
    def imports(self) -> list[tuple[int, str]]:
        """Anywhere in the file, also within functions."""
        found: list[tuple[int, str]] = []
        for node in ast.walk(self._tree) if self._tree else ():
            if isinstance(node, ast.Import):
                found += [(0, one.name) for one in node.names]
            elif isinstance(node, ast.ImportFrom):
                home = node.module or ""
                found += [(node.level, home)] if home else []
                found += [(node.level, f"{home}.{one.name}".lstrip(".")) for one in node.names if one.name != "*"]
            elif isinstance(node, ast.Call) and (name := _constant(node)):
                found.append((len(name) - len(name.lstrip(".")), name.lstrip(".")))
        return found

    @cached_property
    def unseen(self) -> bool:
        """Whether it imports by a name that is computed, or cannot be read."""
        return self._tree is None or any(
            isinstance(node, ast.Call) and _called(node) in _BY_NAME and not _constant(node) for node in ast.walk(self._tree)
        )


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""


def _constant(call: ast.Call) -> str:
    """The module that `import_module("a.b")` names; empty for anything else."""
    first = call.args[0] if call.args else None
    named = isinstance(first, ast.Constant) and isinstance(first.value, str)
    return first.value if named and _called(call) in ("import_module", "__import__") else ""  # type: ignore[union-attr]


def _along(home: Path, parts: Sequence[str]) -> Iterator[Path]:
    """The files of a.b.c below a folder, as far as they are there: a/__init__.py, a/b/__init__.py, a/b/c.py."""
    for count in range(1, len(parts) + 1):
        place = home.joinpath(*parts[:count])
        for file in (place / "__init__.py", place.with_suffix(".py") if place.name else place):
            if file.is_file():
                yield file


def _packages_around(file: Path, place: Path) -> Iterator[Path]:
    """The __init__.py of every package that a file lies in."""
    for folder in file.parents:
        if folder == place.parent or not (folder / "__init__.py").is_file():
            return
        yield folder / "__init__.py"
