"""Writes docs/api.md from signatures and docstrings: `python docs/make_api.py`. With `--check`, says whether it is stale."""

import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("api.md")
HEAD = """# Python API

Use this page to look up what a suite file, a plugin, a notebook or a script can import. The names below are stable ([what that
means](compatibility.md)); names with a leading underscore and modules not listed here may change without notice. Examples are in
[your own model](own-model.md) and [extending](extending.md).
"""
SECTIONS = {
    "Measure a model of your own": {
        "rnnbench.interactive": ("measure", "compare", "Records"),
    },
    "Cases and suites": {
        "rnnbench": ("Case", "Suite", "grid"),
        "rnnbench.budget": ("Budget",),
    },
    "Variants": {
        "rnnbench": ("variant", "own_axis", "Where"),
    },
    "Tasks": {
        "rnnbench": ("task",),
        "rnnbench.tasks": ("Kind", "Recipe"),
    },
    "Read results": {
        "rnnbench": ("Record", "Run", "load_run", "frame"),
    },
    "Compare results": {
        "rnnbench.gate.sources": ("side",),
        "rnnbench.gate.compare": ("compare",),
        "rnnbench.gate.verdict": ("Comparison", "Finding"),
        "rnnbench.gate.policy": ("Policy",),
    },
}


def page() -> str:
    """The whole page."""
    parts = [HEAD.strip()]
    for title, homes in SECTIONS.items():
        parts.append(f"## {title}")
        for home, names in homes.items():
            module = import_module(home)
            for name in names:
                parts += entry(f"{home}.{name}", getattr(module, name))
    parts += ["## Errors", *errors()]
    return "\n\n".join(parts) + "\n"


def entry(name: str, thing: Any) -> Iterator[str]:
    """A function, or a class with its public methods and properties."""
    thing = inspect.unwrap(thing)
    yield f"### `{name.replace('rnnbench.interactive.', 'rnnbench.')}`"
    yield f"```py\n{signature(thing)}\n```"
    yield from prose(thing)
    if not inspect.isclass(thing):
        return
    lines = [line for member, value in vars(thing).items() if not member.startswith("_") and (line := method(member, value))]
    if lines:
        yield "\n".join(lines)


def method(name: str, value: Any) -> str:
    """One line: what a method or property gives."""
    if isinstance(value, property):
        call, about = name, value.fget
    elif isinstance(value, classmethod | staticmethod) or inspect.isfunction(value):
        about = getattr(value, "__func__", value)
        call = f"{name}({', '.join(one for one in inspect.signature(about).parameters if one not in ('self', 'cls'))})"
    else:
        return ""
    text = " ".join((inspect.getdoc(about) or "").split())
    return filled(f"* `{call}`: {text}") if text else ""


def signature(thing: Any) -> str:
    """On one line where it fits, else one parameter per line."""
    name, of = thing.__name__, inspect.signature(thing)
    parameters = [_short(str(one)) for one in of.parameters.values()]
    if any(one.kind is one.KEYWORD_ONLY for one in of.parameters.values()):
        at = next(at for at, one in enumerate(of.parameters.values()) if one.kind is one.KEYWORD_ONLY)
        if not any(one.kind is one.VAR_POSITIONAL for one in of.parameters.values()):
            parameters.insert(at, "*")
    gives = "" if inspect.isclass(thing) or of.return_annotation is of.empty else f" -> {_short(_text(of.return_annotation))}"
    whole = f"{name}({', '.join(parameters)}){gives}"
    if len(whole) <= 96:
        return whole
    return "\n".join([f"{name}(", *(f"    {one}," for one in parameters), f"){gives}"])


def prose(thing: Any) -> Iterator[str]:
    """The docstring's paragraphs, wrapped; items of a list stay apart."""
    for paragraph in (inspect.getdoc(thing) or "").split("\n\n"):
        yield "\n".join(filled(" ".join(item.split())) for item in re.split(r"\n(?=\* )", paragraph))


def filled(text: str) -> str:
    """Wrapped at 100 characters; the lines of a list's item are indented."""
    indent = "  " if text.startswith("* ") else ""
    return textwrap.fill(text, 100, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)


def errors() -> Iterator[str]:
    """A table of the classes that the functions above raise."""
    module = import_module("rnnbench.errors")
    rows = [
        f"| `{name}` | {value.exit_code} | {' '.join((inspect.getdoc(value) or '').split())} |"
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, module.RnnbenchError)
    ]
    yield "In `rnnbench.errors`, with the exit status of the command line:"
    yield "\n".join(["| Error | Exit status | Meaning |", "| --- | --- | --- |", *rows])


def _short(annotation: str) -> str:
    """Types without their modules and quotes: `Callable`, not `collections.abc.Callable`."""
    return re.sub(r"'(nn\.Module[^']*)'", r"\1", re.sub(r"\b(?:[a-z_]\w*\.)+(?=(?:_C\.)?[A-Z])(?:_C\.)?(?!Module)", "", annotation))


def _text(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


if __name__ == "__main__":
    text = page()
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") != text:
            sys.exit("docs/api.md is stale: run python docs/make_api.py")
    else:
        PAGE.write_text(text, encoding="utf-8")
