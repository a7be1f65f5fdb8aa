"""Writes docs/suites.md from the suites themselves: `python docs/make_suites.py`. With `--check`, says whether it is stale."""

import sys
from collections.abc import Iterator
from pathlib import Path

from rnnbench.budget import PRESETS
from rnnbench.case import AXES, Case
from rnnbench.runs import catalog
from rnnbench.suite import Suite

PAGE = Path(__file__).with_name("suites.md")
GROUPS = {
    "Cost of a network": (
        "depth",
        "length",
        "width",
        "batch",
        "direction",
        "residual",
        "variants",
        "equal_parameters",
        "applications",
        "adaptive",
    ),
    "Ways to run it": ("precision", "clipping", "implementation", "execution", "packing", "cliffs", "scaling"),
    "Attention and streams": ("attention", "decode"),
    "Learning": (
        *("convergence", "depth_convergence", "amp_convergence", "clipping_convergence"),
        *("distillation", "own_data", "own_convergence"),
    ),
    "The instrument itself": ("harness", "canary"),
}
HEAD = """# Suites

A suite is one question and the grid of cases that answers it. Each has a size for CPUs and a larger one for CUDA, and three
presets: `quick` for a first look, `standard`, and `full` for wider grids and ±0.5 %. `rnnbench list suites` prints this table,
and `--dry-run` lists the cases of a run.
"""


def table() -> str:
    """Every suite with its question."""
    rows = [f"| `{name}` | {suite.question} |" for name, suite in found().items()]
    return "\n".join(("| Suite | Question |", "| --- | --- |", *rows))


def found() -> dict[str, Suite]:
    """Every suite, in the order of the groups."""
    suites = {name: catalog.find(name).suite for name in catalog.shipped()}
    ordered = [name for names in GROUPS.values() for name in names]
    assert set(ordered) == set(suites), f"put into a group of {Path(__file__).name}: {set(ordered) ^ set(suites)}"
    return {name: suites[name] for name in ordered}


def written(value: object) -> str:
    """A value as a user writes it after `--set`."""
    return {None: "none", True: "true", False: "false"}.get(value, str(value)) if value is None or isinstance(value, bool) else str(value)


def swept(cases: tuple[Case, ...]) -> Iterator[tuple[str, str]]:
    """Axes that take more than one value, with their values in order of appearance."""
    for axis in AXES:
        values = list(dict.fromkeys(written(getattr(case, axis)) for case in cases))
        if len(values) > 1:
            yield axis, ", ".join(values)


def section(suite: Suite) -> str:
    """One suite: its question, its command, what it sweeps, how many cases there are."""
    counts = [[str(len(suite.expand(device, preset))) for preset in PRESETS] for device in ("cpu", "cuda")]
    axes = [f"| `{axis}` | {values} |" for axis, values in swept(suite.expand("cpu"))]
    need = " --data FILE" if suite.name.startswith("own_") else ""
    return "\n".join(
        (
            f"### `{suite.name}`: {suite.title[0].lower()}{suite.title[1:]}",
            "",
            f"*{suite.question}* Run `rnnbench run --suite {suite.name}{need}`.",
            "",
            *(("| Axis | Values of the standard preset on a CPU |", "| --- | --- |", *axes, "") if axes else ()),
            f"Cases ({', '.join(PRESETS)}): {', '.join(counts[0])} on a CPU; {', '.join(counts[1])} on CUDA.",
        )
    )


def made() -> str:
    """The page."""
    suites = found()
    parts = [HEAD, table()]
    for group, names in GROUPS.items():
        parts += [f"\n## {group}\n", "\n\n".join(section(suites[name]) for name in names)]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Write the page, or check it."""
    page = made()
    if "--check" in sys.argv:
        sys.exit(
            0 if PAGE.read_text(encoding="utf-8") == page else f"{PAGE.name} is stale; write it again with: python docs/make_suites.py"
        )
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
