"""The forms a report can take, one row each, and the files each produces."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnbench.analysis.frames import Loaded
from rnnbench.errors import UnknownName
from rnnbench.gate.policy import Policy
from rnnbench.reports.content import Content, content
from rnnbench.reports.draw.svg import album
from rnnbench.reports.file_names import safe_name
from rnnbench.reports.forms.notebook import as_notebook
from rnnbench.reports.forms.page import drawn, render_content, write
from rnnbench.reports.forms.sheet import as_csv
from rnnbench.reports.forms.text import as_markdown

Maker = Callable[[Content], str]


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a report. Where `make` is None, every figure is a file of its own, in a folder."""

    name: str
    suffix: str
    about: str
    make: Maker | None


def _json(report: Content) -> str:
    return json.dumps(report.data(), ensure_ascii=False, indent=1, default=str) + "\n"


FORMS: dict[str, Form] = {
    row[0]: Form(*row)
    for row in (
        ("html", ".html", "one self-contained page", render_content),
        ("md", ".md", "the answer, tables and every case as Markdown", as_markdown),
        ("csv", ".csv", "one row a case, in base units", lambda report: as_csv([section.sweep for section in report.sections])),
        ("json", ".json", "everything that the page carries, with every raw sample", _json),
        ("png", "-png", "every figure as a picture", None),
        ("svg", "-svg", "every figure as a drawing", None),
        ("notebook", ".ipynb", "a Jupyter notebook that reads the records again", as_notebook),
    )
}


def write_as(form: str, loaded: Sequence[Loaded], out: Path, policy: Policy | None = None) -> Path:
    """Write the report of these runs in one form; the path of its file, or of its folder of figures."""
    if form not in FORMS:
        raise UnknownName("--format", form, FORMS)
    one = FORMS[form]
    with album(form if one.make is None else "") as kept:
        report = content(loaded, policy, every_sample=form == "json")
        if one.make is None:
            drawn(report)
    path = out / f"{report.name}{one.suffix}"
    if one.make is not None:
        return write(path, one.make(report).encode("utf-8", "replace"))
    names = {section.sweep.key: safe_name(section.sweep.name) for section in report.sections}
    for ident, picture in kept.pictures.items():
        key, _, rest = ident.partition("-")
        write(path / f"{names.get(key, key)}-{rest}.{form}", picture)
    return path
