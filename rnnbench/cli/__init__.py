"""The command line: one file a command. Heavy parts are imported inside the commands, so that help comes at once."""

import sys

import typer

from rnnbench.cli.app import app
from rnnbench.cli.display.output import ReaderGone, guarded_output, say, say_error
from rnnbench.errors import EXIT_INTERRUPTED, EXIT_USAGE, RnnbenchError


def main() -> None:
    """The entry point `rnnbench`: a mistake of the user's ends in one sentence and its exit code."""
    from rnnbench.cli import (  # noqa: F401 - each adds its command to `app`
        baseline,
        bisect,
        catalog,
        choose,
        comment,
        compare,
        doctor,
        duet,
        export,
        gc,
        history,
        init,
        measure,
        plan,
        profile,
        report,
        run,
        site,
        store,
        tune,
    )

    try:
        with guarded_output():
            status = _carried_out()
    except ReaderGone as error:
        sys.exit(error.exit_code)
    except RnnbenchError as error:
        say_error(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(status)


def _carried_out() -> int | None:
    """The exit status of the command; what the parser refuses becomes one sentence."""
    from rnnbench.cli.mistakes import Refused, told

    try:
        return app(standalone_mode=False)  # type: ignore[no-any-return]
    except Refused as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # `rnnbench` alone: its text is the help
            say(error, nl=False)
        else:
            say_error(told(error, sys.argv))
        return EXIT_USAGE
