"""A report as a Jupyter notebook: the answer in words, then cells that read the same records again and draw them."""

import json
from collections.abc import Sequence
from typing import Any

from rnnbench.analysis.sweep import Sweep
from rnnbench.reports.content import Content
from rnnbench.reports.text import marked, plain

_READ = """import seaborn as sns
from rnnbench.analysis.store import by_case, frame, load_run

runs = [load_run(path) for path in {paths!r}]
records = frame(runs)      # one row a record: a case in one process
cases = by_case(records)   # one row a case: medians over its processes
cases[["suite", "variant", "phase", "depth", "precision", "status", "step_time_s", "tokens_per_s", "activation_bytes"]]"""
_DRAW = """one = cases[(cases["suite"] == {suite!r}) & (cases["status"] == "ok")]
{call}"""
_ROUNDS = """rounds = [(str(record.case), time) for run in runs for record in run.records[:12] for time in record.times_s]
sns.stripplot(x=[time for _, time in rounds], y=[name for name, _ in rounds], size=3)"""


def as_notebook(said: Content) -> str:
    """The notebook's JSON (format 4.5). Its paths are those of the runs' folders, as they stood."""
    paths = [str(one.folder) if one.folder else one.run.id for one in said.loaded]
    cells = [_words(f"# {plain(said.title)}", *(plain(" · ".join(head)) for _, head in said.heads)), _code(_READ.format(paths=paths))]
    for section in said.sections:
        sentences = [f"* {marked(one.html)}" for one in (*section.findings, *section.troubles)]
        sweep = section.sweep
        cells += [_words(f"## {plain(sweep.title)}", "\n".join(sentences)), _code(_DRAW.format(suite=sweep.name, call=_call(sweep)))]
    cells += [_words("## Every round", "Two clouds are two modes; a tail is disturbance."), _code(_ROUNDS)]
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


def _words(*parts: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _lines("\n\n".join(parts))}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": _lines(text)}


def _lines(text: str) -> Sequence[str]:
    return text.splitlines(keepends=True)
