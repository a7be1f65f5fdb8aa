"""`rnnbench init`: performance tracking for a repository of the user's own."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli.app import GATE, app
from rnnbench.cli.display.output import say
from rnnbench.errors import UsageError

_WORDS = {"new": "wrote", "unchanged": "unchanged", "extended": "extended", "kept": "kept, differs from the template"}


@app.command(rich_help_panel=GATE)
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Root of the repository.")] = Path(),
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the suite and of the variant.")] = "model",
    model: Annotated[str, typer.Option(metavar="MODULE:FUNCTION", help="What builds the model. Default: an LSTM to replace.")] = "",
    ci: Annotated[str, typer.Option(metavar="SERVICE", help="github, gitlab or none. Default: what the repository uses.")] = "",
    install: Annotated[str, typer.Option(metavar="REQUIREMENT", help="What CI installs, for instance git+https://…@COMMIT.")] = "rnnbench",
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change and write nothing.")] = False,
) -> None:
    """Set up performance tracking in a repository: a suite and a variant around its model, gate settings, a CI workflow.
    Existing files are never overwritten."""
    from rnnbench.scaffold import git
    from rnnbench.scaffold.plan import BENCH, planned, write

    if not folder.is_dir():
        raise UsageError(f"{str(folder)!r} is not a folder: name the root of the repository")
    own = f"{install!r} ." if (folder / "setup.py").exists() or _is_package(folder) else f"{install!r}"
    files = planned(
        folder, name=name, model=model, service=ci or git.service(folder), install=own.replace("'", '"'), branch=git.branch(folder)
    )
    if diff:
        say("".join(one.diff() for one in files if one.state != "unchanged").rstrip("\n") or "nothing would change")
        return
    write(folder, files)
    for one in files:
        say(f"{_WORDS[one.state]:<10} {one.path}")
    baseline = f"{BENCH}/results/baselines/main.json"
    if rule := git.ignored_by(folder, baseline):
        say(f"\ngit ignores {baseline} because of {rule}: remove that rule, or commit the baseline with git add --force")
    run = f"--suite {BENCH}/bench_{name}.py --plugin {BENCH}/{name}_model.py --results {BENCH}/results"
    say(
        "\nNext, make the baseline and commit it:\n"
        f"  rnnbench run {run} --preset quick --threads 1\n"
        f"  rnnbench baseline save main --only deterministic --results {BENCH}/results\n"
        f"  git add {BENCH} pyproject.toml .github && git commit -m 'Track performance with rnnbench'"
    )


def _is_package(folder: Path) -> bool:
    """Does its pyproject.toml build something that CI must install too?"""
    import tomllib

    try:
        return "project" in tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
