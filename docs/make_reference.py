"""Writes the tables of docs/reference.md from the code: `python docs/make_reference.py`. With `--check`, says whether they are stale."""

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from rnnbench import cli, errors, units
from rnnbench.budget import BUDGETS
from rnnbench.case import AXES
from rnnbench.record import METRICS, STATUSES
from rnnbench.runs import catalog

PAGE = Path(__file__).with_name("reference.md")
EXIT_CODES = {
    errors.EXIT_OK: "success: every case was measured, or is `unsupported` here",
    errors.EXIT_TOOL: "tool error: a folder that cannot be written, a measuring process that cannot be started",
    errors.EXIT_USAGE: "usage: an unknown name, an invalid value, a missing device",
    errors.EXIT_REGRESSION: "regression: `compare` or `duet` found a figure that is worse, or a case that is no longer measured;"
    " `--require`: every case misses a requirement; `history --check`: a change point for the worse is not triaged",
    errors.EXIT_INCONCLUSIVE: "inconclusive, missing or incompatible: too little evidence, a case on one side only, figures that"
    " cannot be compared, a results folder that cannot be read; `--require`: no case is known to meet all",
    errors.EXIT_CASES_FAILED: "cases failed: the run finished, and at least one case ended neither `ok` nor `unsupported`",
    errors.EXIT_INTERRUPTED: "interrupted by Ctrl-C: every finished record is kept",
    errors.EXIT_CLOSED_PIPE: "standard output was closed early, for instance by `head`; not an error",
}


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    heads = list(head)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: object) -> str:
    return f"`{text}`" if text not in ("", None) else ""


def exit_codes() -> str:
    known = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert known == set(EXIT_CODES), f"describe the exit codes {known ^ set(EXIT_CODES)} in {__file__}"
    return table(("code", "meaning"), ((code(number), meaning) for number, meaning in EXIT_CODES.items()))


def statuses() -> str:
    return table(("status", "meaning"), ((code(name), about) for name, about in STATUSES.items()))


def metrics() -> str:
    rows = [
        (code(one.name), units.unit_of(one.name), one.better or "", "exact" if one.deterministic else "sampled", one.about)
        for one in METRICS.values()
    ]
    return table(("metric", "unit", "better", "kind", "what it is"), rows)


def axes() -> str:
    rows = [(code(one.name), one.unit, code(plain(one.default)), one.wanted(), one.about) for one in AXES.values()]
    return table(("axis", "unit", "default", "values", "what it is"), rows)


def plain(value: object) -> object:
    """As a user writes it."""
    return {None: "none", True: "true", False: "false"}.get(value, value) if value is None or isinstance(value, bool) else value


def presets() -> str:
    rows = [(code(name), f"{one.max_time_s:g} s", f"±{one.precision:.1%}", one.min_rounds) for name, one in BUDGETS.items()]
    return table(("preset", "most timed rounds a case", "stops once the mean is known within", "fewest rounds"), rows)


def suites() -> str:
    found = [catalog.find(name).suite for name in catalog.shipped()]
    rows = [(code(one.name), one.question, code(one.x), len(one.expand("cpu")), len(one.expand("cuda"))) for one in found]
    return table(("suite", "question", "sweeps", "cases on a CPU", "cases on CUDA"), rows)


def commands() -> str:
    """Every command with its options, as its own `--help` has them."""
    for one in pkgutil.iter_modules(cli.__path__):
        importlib.import_module(f"rnnbench.cli.{one.name}")
    parts = []
    for name, command in leaves(typer.main.get_command(cli.app).commands):
        rows = [(", ".join(map(code, written(one))), code(default_of(one)), one.help or "") for one in command.params if one.name != "help"]
        parts.append(f"### `rnnbench {name}`\n\n{(command.help or '').strip()}\n\n{table(('option', 'default', 'what it does'), rows)}")
    return "\n\n".join(parts)


def leaves(commands: dict[str, object], within: str = "") -> Iterable[tuple[str, object]]:
    """Commands by their full name: those of a group, not the group."""
    for name, command in commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command.commands, f"{within}{name} ")
        else:
            yield f"{within}{name}", command


def written(parameter: object) -> list[str]:
    """How a parameter is written on the command line."""
    if parameter.param_type_name == "argument":
        return [parameter.metavar or (parameter.name.upper() if parameter.required else f"[{parameter.name.upper()}]")]
    shown = f" {parameter.metavar}" if parameter.metavar else ""
    return [f"{name}{shown}" for name in parameter.opts]


def default_of(parameter: object) -> object:
    value = parameter.default
    hidden = value in (None, False, "", ()) or callable(value) or parameter.required
    return "" if hidden else f"{value:g}" if isinstance(value, float) else value


TABLES: dict[str, Callable[[], str]] = {
    one.__name__.replace("_", " "): one for one in (commands, suites, presets, axes, exit_codes, statuses, metrics)
}


def made(text: str) -> str:
    """The page with every table made anew."""
    for name, make in TABLES.items():
        pattern = re.compile(rf"(<!-- made from the code: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        assert len(pattern.findall(text)) == 1, f"{PAGE} has no place for {name}"
        body = make()
        text = pattern.sub(lambda found, body=body: f"{found[1]}\n{body}\n\n{found[2]}", text)
    return text


def main() -> None:
    before = PAGE.read_text(encoding="utf-8")
    after = made(before)
    if "--check" in sys.argv:
        sys.exit(0 if before == after else f"{PAGE.name} is stale; make it anew with: python docs/make_reference.py")
    PAGE.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
