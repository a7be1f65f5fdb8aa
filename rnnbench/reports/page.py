"""One self-contained HTML file: everything inline, nothing asked of any network."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound
from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.store import Loaded
from rnnbench.analysis.sweep import Sweep, sweeps
from rnnbench.errors import CannotWrite
from rnnbench.journal import replace_whole
from rnnbench.record import METRICS, STATUSES, Run
from rnnbench.reports import facts, palette, words
from rnnbench.reports.answer import Sentence, answer
from rnnbench.reports.figures import Group, groups, main_panel
from rnnbench.reports.glance import Table, glance, in_turn, speed_ups
from rnnbench.reports.panels import Panel
from rnnbench.reports.tables import beside, case_table, times

_CSP = "default-src 'none'; style-src 'unsafe-inline'; script-src '{}'; img-src data:; base-uri 'none'; form-action 'none'"
_LONGEST_NAME = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


@dataclass(frozen=True, slots=True)
class Section:
    """What the page says of one suite."""

    sweep: Sweep
    findings: Sequence[Sentence]
    troubles: Sequence[Sentence]
    panel: Panel | None
    table: Table | None
    tables: Sequence[tuple[str, Table]]
    groups: Sequence[Group]
    glances: Mapping[str, Table]


def write_report(runs: Sequence[Loaded], out_dir: Path) -> Path:
    """Write the report of these runs and return its path. Raises CannotWrite; an older report of that name stays whole."""
    path = out_dir / f"{file_name([one.run.id for one in runs])}.html"
    content = render(runs).encode("utf-8", "replace")
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        replace_whole(path, content)
    except OSError as error:
        raise CannotWrite(path, error.strerror or error) from None
    return path


def file_name(ids: Sequence[str]) -> str:
    """The runs' ids joined, fit for any file system; cut with a digest where too long."""
    joined = "+".join(ids)
    safe = _UNSAFE.sub("-", joined).strip(".-+") or "report"
    if len(safe) <= _LONGEST_NAME and len(ids) <= 3:
        return safe
    return f"{safe[:_LONGEST_NAME]}-{hashlib.blake2b(joined.encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"


def render(loaded: Sequence[Loaded]) -> str:
    """The report as HTML. The same runs give the same bytes."""
    runs = [one.run for one in loaded]
    found = [sweep for sweep in sweeps(runs) if not sweep.cases.empty]
    raw, others = times(runs), beside(runs)
    table = case_table(found, runs)
    columns = [column.as_dict() for column in table.columns]
    labels = {name: metric.label for name, metric in METRICS.items()}
    data = {"runs": [run.as_dict() for run in runs], "labels": labels, "columns": columns, "rows": table.rows, "every": table.thinned}
    script = _source("report.js")
    return _environment().get_template("page.html.j2").render(
        runs=runs,
        title=_title(runs, found),
        sections=[_section(sweep, raw, others) for sweep in found],
        heads=[(run, facts.headline(run)) for run in runs],
        table=table,
        warnings=facts.warnings(loaded, found),
        fingerprint=facts.fingerprint(runs),
        budgets=[run.arguments.get("budget") if isinstance(run.arguments.get("budget"), dict) else {} for run in runs],
        statuses=STATUSES,
        total=sum(len(sweep.cases) for sweep in found),
        csp=_CSP.format(_digest(script)),
        style=Markup(_source("report.css").replace("/*light*/", palette.css(0)).replace("/*dark*/", palette.css(1))),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        data=_json(data),
    )  # fmt: skip


def _section(sweep: Sweep, raw: dict[tuple[str, str], Sequence[float]], others: dict[tuple[str, str], str]) -> Section:
    said = answer(sweep)
    shown = sweep.slices()
    matrix, turns = speed_ups(sweep), in_turn(sweep, others)
    tables = [(f"{sweep.key}-matrix", matrix), (f"{sweep.key}-beside", turns)]
    return Section(
        sweep=sweep,
        findings=[one for one in said if one.kind == "finding"],
        troubles=[one for one in said if one.kind != "finding"],
        panel=main_panel(sweep) if shown else None,
        table=glance(sweep, shown[0]) if shown else None,
        tables=[(anchor, one) for anchor, one in tables if one is not None],
        groups=groups(sweep, raw) if shown else [],
        glances={f"{sweep.key}-scaling-{number}": one for number, part in enumerate(shown) if number and (one := glance(sweep, part))},
    )


def _title(runs: Sequence[Run], found: Sequence[Sweep]) -> str:
    titles = [sweep.title for sweep in found] or [str(suite.get("title") or suite.get("name")) for run in runs for suite in run.suites]
    return words.joined(list(dict.fromkeys(titles))) or "Nothing measured"


def _json(data: Any) -> Markup:
    """JSON that cannot end its own script element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True, default=str)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704 - no <, > or & is left


def _digest(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _source(name: str) -> str:
    return resources.files("rnnbench.reports").joinpath("templates", name).read_text(encoding="utf-8")


class _Templates(BaseLoader):
    """Templates beside this file, from a folder or a zipped wheel alike."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Any]:  # noqa: ARG002 - jinja2's
        try:
            return _source(template), template, lambda: True
        except FileNotFoundError:
            raise TemplateNotFound(template) from None


@cache
def _environment() -> Environment:
    environment = Environment(loader=_Templates(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(plain=units.plain, percent=units.percent, count=words.count)
    return environment
