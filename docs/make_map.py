"""Writes the list of files in docs/architecture.md from their first lines: `python docs/make_map.py`. `--check` says if it is stale."""

import ast
import re
import sys
from pathlib import Path

PAGE = Path(__file__).with_name("architecture.md")
PACKAGE = PAGE.parents[1] / "rnnbench"
MARKS = ("<!-- made from the files: run docs/make_map.py -->", "<!-- end of the files -->")
LEFT_OUT = ("variants", "tasks")  # one family or one data source per file: their names say it


def first_line(path: Path) -> str:
    """The first sentence of a module's docstring."""
    text = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    return re.split(r"(?<=[.?!])\s", " ".join(text.split()))[0].replace("|", "\\|")


def made() -> str:
    """A heading and a table for each room."""
    rooms: dict[Path, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name not in ("__init__.py", "__main__.py") and path.relative_to(PACKAGE).parts[0] not in LEFT_OUT:
            rooms.setdefault(path.parent.relative_to(PACKAGE), []).append(path)
    parts = []
    for room in sorted(rooms, key=lambda one: (len(one.parts) > 0, str(one))):
        name = "rnnbench" if room == Path() else f"rnnbench/{room}"
        rows = [f"| `{path.name}` | {first_line(path)} |" for path in rooms[room]]
        parts.append("\n".join((f"### `{name}/`", "", "| File | What it does |", "| --- | --- |", *rows)))
    return "\n\n".join(parts)


def main() -> None:
    """Write the list, or check it."""
    before = PAGE.read_text(encoding="utf-8")
    head, rest = before.split(MARKS[0])
    after = f"{head}{MARKS[0]}\n\n{made()}\n\n{MARKS[1]}{rest.split(MARKS[1])[1]}"
    if "--check" in sys.argv:
        sys.exit(0 if after == before else f"{PAGE.name} is stale; write it again with: python docs/make_map.py")
    PAGE.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
