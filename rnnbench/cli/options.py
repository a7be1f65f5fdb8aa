"""Options that several commands share, each declared once: its type, default, help, and the field of a Request that it fills."""

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnbench.budget import PRESETS
from rnnbench.cli.display.requirements import HELP as REQUIRE
from rnnbench.cli.sizes import byte_count
from rnnbench.runs.request import CASE_TIMEOUT_S

if TYPE_CHECKING:
    from rnnbench.runs.request import Request

WHAT, HOW, ON, WHERE = "What to measure", "Accuracy and limits", "Resume and wait", "Output"
SPREAD = "On a cluster"


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `flags` are those beside `--its-name`, or instead of it; `field` names the field of a Request that it fills, where
    that is not its own name, `budget.…` one of its budget; empty for an option that the command itself reads. `read` makes the field's
    value of the option's."""

    kind: Any
    default: Any
    help: str
    metavar: str | None = None
    flags: tuple[str, ...] = ()
    least: float | None = None
    field: str | None = None
    read: Callable[[Any], Any] = lambda value: value


def _names(values: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(values or ())


def _bytes(text: str | None) -> int | None:
    return byte_count("--memory-limit", text) if text else None


_many = partial(Option, list[str] | None, None, read=_names)
_flag = partial(Option, bool, False)

OPTIONS: dict[str, dict[str, Option]] = {
    WHAT: {
        "suite": _many("Suite name, or path to a bench_*.py file. Repeatable.", "NAME", ("--suite", "-s"), field="suites"),
        "device": Option(str | None, None, "cpu, cuda, cuda:1. Default: CUDA if available.", "NAME"),
        "preset": Option(str, "standard", f"Size of the cases and time per case: {', '.join(PRESETS)}.", "NAME"),
        "sets": _many(
            "Set an axis: depth=2,4,8. Grids that already contain a value keep only that value; if no grid contains it, all take it."
            " Repeatable.",
            "AXIS=VALUE,…",
            ("--set",),
        ),
        "select": Option(str, "", """Keep only cases that match an expression: 'variant == "lstm" and depth > 2'.""", "EXPR"),
        "plugin": _many("Python file with your own variants or tasks. It is executed. Repeatable.", "FILE", field="plugins"),
        "data": Option(
            Path | None, None, "Your own data to learn from: pairs.tsv, series.csv or text.txt. Implies --suite own_data.", "FILE", field=""
        ),
        "tuned": Option(Path | None, None, "Train with what rnnbench tune chose for each case.", "FILE", field=""),
        "since": Option(str | None, None, "Keep only cases that rest on a file changed since this revision, by imports.", "REV"),
        "every_case": _flag("Keep every case, whatever --since says.", None, ("--all",)),
    },
    HOW: {
        "case_budget": Option(float | None, None, "Maximum seconds of timed rounds per case.", "SECONDS", field="budget.max_time_s"),
        "precision_goal": Option(
            float | None,
            None,
            "Stop a case once the confidence interval of its mean is within ±RATIO (0.01 is 1 %).",
            "RATIO",
            field="budget.precision",
        ),
        "min_rounds": Option(int | None, None, "Minimum number of timed rounds per case.", "N", field="budget.min_rounds"),
        "energy_budget": Option(
            float | None,
            None,
            "Extra seconds per case spent measuring GPU energy only; 0 disables it.",
            "SECONDS",
            field="budget.energy_s",
        ),
        "processes": Option(int, 1, "Number of processes per case, run in random order.", "N", least=1),
        "isolation": Option(str, "process", "process: a fresh process per case. suite: the cases of a suite share one.", "NAME"),
        "case_timeout": Option(
            float | None,
            None,
            f"Maximum seconds per case, warm-up and start included. Default: {CASE_TIMEOUT_S:g}.",
            "SECONDS",
            least=0.1,
            field="case_timeout_s",
        ),
        "max_time": Option(
            float | None, None, "Maximum seconds for the whole run, shared evenly among its cases.", "SECONDS", least=1, field="max_time_s"
        ),
        "skip_oversize": _flag("Record cases that do not fit in memory as unsupported instead of running them."),
        "memory_limit": Option(str | None, None, "Maximum host memory per case: 8GiB.", "SIZE", field="memory_limit_bytes", read=_bytes),
        "threads": Option(int | None, None, "Number of CPU threads for torch.", "N", least=1),
        "pin": Option(str | None, None, "Pin the measuring processes to these CPUs: 0,1.", "CPUS"),
    },
    ON: {
        "resume": Option(str | None, None, "Continue a run with its remaining cases.", "RUN"),
        "resume_anyway": _flag("Resume even if the machine or the commit differs; each new record says so."),
        "wait": _flag("Wait for another run on this device instead of refusing to start."),
        "wait_quiet": Option(
            float | None,
            None,
            "Before starting, wait up to SECONDS for other processes to leave the CPU idle.",
            "SECONDS",
            least=1,
            field="wait_quiet_s",
        ),
    },
    SPREAD: {
        "executor": Option(str, "", "local: this machine. ray: the machines of a Ray cluster. Default: local.", "NAME"),
        "address": Option(str | None, None, "Address of the cluster's head, or auto. Default: start a cluster here.", "HOST:PORT"),
        "on": _many("Use only machines with this label. Repeatable.", "LABEL=VALUE", ("--on",)),
        "cores": Option(int | None, None, "CPU cores per case. Default: all cores of the machine it runs on.", "N", least=1),
        "share": _flag("Run several cases at once on one machine, each on its own cores."),
        "replicate_on_each": _flag("Measure every case on every type of machine, one run per type."),
    },
    WHERE: {
        "results": Option(Path, Path("results"), "Folder of runs.", "FOLDER"),
        "reports": Option(Path, Path("reports"), "Folder of reports.", "FOLDER", field=""),
        "require": _many(REQUIRE, "EXPR", ("--require",), field=""),
        "no_report": _flag("Write no HTML report.", field=""),
        "dry_run": _flag("Show the cases and the expected time, and measure nothing.", field=""),
        "as_json": _flag("Print JSON for scripts.", None, ("--json",), field=""),
    },
}
_FLAT = {name: option for group in OPTIONS.values() for name, option in group.items()}
_PANEL = {name: panel for panel, group in OPTIONS.items() for name in group}
EVERY = tuple(_FLAT)
Given = Mapping[str, Any]


def takes(*names: str, **defaults: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command with these shared options besides its own: it gets their values as one mapping, its first argument.

    `defaults` replace defaults for this command, and a pair (default, help) its help too."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        _, *others = inspect.signature(command, eval_str=True).parameters.values()
        own = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in others]

        def called(**values: Any) -> None:
            command({name: values.pop(name) for name in names}, **values)

        shared = [_parameter(name, _FLAT[name], *_replaced(defaults.get(name))) for name in names]
        called.__name__, called.__doc__, called.__module__ = command.__name__, command.__doc__, command.__module__
        called.__signature__ = inspect.Signature([*shared, *own])  # type: ignore[attr-defined]  # what typer reads
        called.__annotations__ = {one.name: one.annotation for one in (*shared, *own)}
        return called

    return decorate


def requested(given: Given, **more: Any) -> "Request":
    """The request that the shared options make, and `more` of its fields. Raises BadData for a file of lengths that holds none."""
    from rnnbench.own_lengths import named
    from rnnbench.runs.request import Request

    fields: dict[str, Any] = {"budget": {}, "command": ("rnnbench", *sys.argv[1:])}
    for name, value in given.items():
        option = _FLAT[name]
        field = name if option.field is None else option.field
        if field.startswith("budget."):
            fields["budget"][field.removeprefix("budget.")] = option.read(value)
        elif field:
            fields[field] = option.read(value)
    request = Request(**{**fields, **more})
    sets, plugins = named(request.sets, request.plugins)
    return replace(request, sets=sets, plugins=plugins)


def _replaced(told: Any) -> tuple[Any, str | None]:
    return told if isinstance(told, tuple) else (told, None)


def _parameter(name: str, option: Option, default: Any, text: str | None) -> inspect.Parameter:
    flags = option.flags or ("--" + name.replace("_", "-"),)
    declared = typer.Option(*flags, metavar=option.metavar, help=text or option.help, rich_help_panel=_PANEL[name], min=option.least)
    kept = option.default if default is None else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=kept, annotation=Annotated[option.kind, declared])
