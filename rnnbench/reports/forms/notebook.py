"""A report as a Jupyter notebook: the answer and its tables, then cells that read the same records and draw them."""

import json
from collections.abc import Sequence
from typing import Any

from rnnbench.analysis.sweep import Sweep
from rnnbench.reports.content import Content
from rnnbench.reports.forms.text import as_blocks, marked, plain, tables_of

_READ = """import seaborn as sns
from rnnbench.analysis.frames import by_case, frame, load_run

runs = [load_run(path) for path in {paths!r}]
records = frame(runs)      # one row per record: a case in one process
cases = by_case(records)   # one row per case: medians over its processes
cases[["suite", "variant", "phase", "depth", "precision", "status", "step_time_s", "tokens_per_s", "activation_bytes"]]"""
_DRAW = """one = cases[(cases["suite"] == {suite!r}) & (cases["status"] == "ok")]
{call}"""
_ROUNDS = """rounds = [(str(record.case), time) for run in runs for record in run.records[:12] for time in record.times_s]
sns.stripplot(x=[time for _, time in rounds], y=[name for name, _ in rounds], size=3)"""


def as_notebook(report: Content) -> str:
    """The notebook's JSON (format 4.5). It reads the runs from the folders in which they were when it was written."""
    paths = [str(one.folder) if one.folder else one.run.id for one in report.loaded]
    cells = [
        _markdown(f"# {plain(report.title)}", *(plain(" · ".join(head)) for _, head in report.heads)),
        _code(_READ.format(paths=paths)),
    ]
    for section in report.sections:
        sentences = [f"* {marked(one.html)}" for one in (*section.findings, *section.troubles)]
        sweep = section.sweep
        tables = [block for table in tables_of(section) for block in as_blocks(table)]
        cells += [
            _markdown(f"## {plain(sweep.title)}", "\n".join(sentences), *tables),
            _code(_DRAW.format(suite=sweep.name, call=_call(sweep))),
        ]
    cells += [_markdown("## Every round", "Two clusters mean two modes; a long tail means disturbance."), _code(_ROUNDS)]
    whole = {
        "cells": [{**cell, "id": f"cell-{number}"} for number, cell in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _call(sweep: Sweep) -> str:
    """The seaborn call that draws step time the way the page does."""
    looks = {"hue": sweep.hue, "style": sweep.style} if sweep.numeric else {"hue": sweep.hue}
    facets = dict(zip(("col", "row"), sweep.facets, strict=False))
    named = ", ".join(f"{name}={axis!r}" for name, axis in {"x": sweep.x, "y": "step_time_s", **looks, **facets}.items() if axis)
    kind = 'sns.relplot(one, kind="line", marker="o", ' if sweep.numeric else 'sns.catplot(one, kind="bar", errorbar=None, '
    return f"{kind}{named})"


def _markdown(*parts: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _lines("\n\n".join(parts))}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": _lines(text)}


def _lines(text: str) -> Sequence[str]:
    return text.splitlines(keepends=True)
