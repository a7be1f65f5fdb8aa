"""The command line: one file a command. Heavy parts are imported inside the commands, so that help comes at once."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import rnnbench
from rnnbench.cli.saying import say, say_error, unbreakable
from rnnbench.errors import EXIT_INTERRUPTED, EXIT_USAGE, RnnbenchError

MEASURE, LOOK, GATE, KEEP = "Measure", "Look at it", "Compare and gate", "Keep and share"  # the help's panels
ORDER = ("doctor", "list", "plan", "run", "profile", "report", "site", "history", "compare", "duet", "baseline", "export")


class Ordered(TyperGroup):
    """Commands in the order in which they are met, not of the alphabet."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Those of ORDER first."""
        known = super().list_commands(ctx)
        return sorted(known, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


app = typer.Typer(
    name="rnnbench",
    cls=Ordered,
    help="Measure throughput, memory and convergence of deep recurrent networks.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine · 1 tool error · 2 usage · 3 regression · 4 inconclusive, missing or incompatible"
    " · 5 cases failed · 130 interrupted",
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"rnnbench {rnnbench.__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")] = False,
) -> None:
    """Measure throughput, memory and convergence of deep recurrent networks."""


def main() -> None:
    """The entry point `rnnbench`: a mistake of the user's ends in one sentence and its exit code."""
    from rnnbench.cli import baseline, catalog, compare, doctor, duet, gc, history, plan, profile, report, run, site, store  # noqa: F401 - each adds its command to `app`
    from rnnbench.cli.mistakes import Refused, told

    unbreakable()
    try:
        sys.exit(app(standalone_mode=False))
    except Refused as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # `rnnbench` alone: its text is the help
            say(error, nl=False)
            sys.exit(EXIT_USAGE)
        say_error(told(error, sys.argv))
        sys.exit(EXIT_USAGE)
    except RnnbenchError as error:
        say_error(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(EXIT_INTERRUPTED)
