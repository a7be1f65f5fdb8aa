"""The application that every command adds itself to, and the order in which help lists them."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import rnnbench
from rnnbench.cli.display.output import say

MEASURE, LOOK, GATE, KEEP = "Measure", "View results", "Compare and gate", "Keep and share"  # the help's panels
ORDER = (
    *("doctor", "list", "plan", "choose", "run", "tune", "measure", "profile", "report", "site", "history"),
    *("init", "compare", "duet", "bisect", "baseline", "comment", "export"),
)


class Ordered(TyperGroup):
    """A group whose help lists commands in the order of a user's work, shows no type for flags, and wraps paragraphs."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands in ORDER, then the others."""
        known = super().list_commands(ctx)
        return sorted(known, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))

    def get_params(self, ctx: Any) -> list[Any]:
        """The group's own options."""
        return _without_flag_types(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, ready to show its help."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            _without_flag_types([*command.params, command.get_help_option(ctx)])
            command.help = _paragraphs(command.help)
        return command


def _without_flag_types(options: list[Any]) -> list[Any]:
    for option in options:
        if getattr(option, "is_flag", False) and option.metavar is None:
            option.metavar = ""
    return options


def _paragraphs(text: str | None) -> str | None:
    """Single line breaks of a docstring removed, because rich would keep them."""
    return text and "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


app = typer.Typer(
    name="rnnbench",
    cls=Ordered,
    help="Measure throughput, memory and convergence of deep recurrent networks.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 success · 1 tool error · 2 usage · 3 regression · 4 inconclusive, missing or incompatible"
    " · 5 cases failed · 130 interrupted",
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"rnnbench {rnnbench.__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show version and exit.")] = False,
) -> None:
    """Measure throughput, memory and convergence of deep recurrent networks."""
