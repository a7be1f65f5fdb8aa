"""What all pages share: templates with autoescape, a content security policy that forbids network requests, styles, scripts, JSON."""

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound
from markupsafe import Markup

from rnnbench import units
from rnnbench.reports import words
from rnnbench.reports.draw import palette
from rnnbench.reports.sentences import unbroken
from rnnbench.spelling import spelt_lines

_CSP = "default-src 'none'; style-src 'unsafe-inline'{}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'"
SHEET = " 'self' file:"  # a site's pages share one style sheet, beside them on a server or on disk


def rendered(template: str, *scripts: str, sheets: Sequence[str] = ("report.css",), **values: Any) -> str:
    """A page of one template. `scripts` and `sheets` are files beside the templates; each stands in the page whole, and no other script
    may run."""
    sources = [source(name) for name in scripts]
    sheet = SHEET if values.get("shared_sheet") else ""
    return environment().get_template(template).render(
        csp=_CSP.format(sheet, " ".join(f"'{_digest(one)}'" for one in sources) or "'none'"),
        style="" if sheet else Markup(style(*sheets)),  # noqa: S704 - our own file
        scripts=[Markup(one) for one in sources],  # noqa: S704 - our own files
        **values,
    )  # fmt: skip


def style(*names: str) -> str:
    """Style sheets with the palette's colours in them."""
    text = "\n".join(map(source, names))
    return text.replace("/*light*/", palette.css(0)).replace("/*dark*/", palette.css(1))


def embedded(data: Any) -> Markup:
    """JSON that cannot end its own script element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True, default=str)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704 - no <, > or & is left


def source(name: str) -> str:
    """The text of a file beside the templates, from a folder or a zipped wheel alike."""
    return resources.files("rnnbench.reports").joinpath("templates", name).read_text(encoding="utf-8")


def _plain(value: Any) -> Any:
    """What a template puts into a page: controls and marks that hide or reorder text are spelt out, whoever made the sentence."""
    if not isinstance(value, str):
        return value
    text = spelt_lines(value)
    return Markup(text) if isinstance(value, Markup) else text  # noqa: S704 - was markup before; what was put in has no mark of it


def _digest(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


class _Templates(BaseLoader):
    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Any]:  # noqa: ARG002 - jinja2's
        try:
            return source(template), template, lambda: True
        except FileNotFoundError:
            raise TemplateNotFound(template) from None


@cache
def environment() -> Environment:
    """Autoescape, and an error for every name that is not there."""
    found = Environment(
        loader=_Templates(), autoescape=True, undefined=StrictUndefined, finalize=_plain, trim_blocks=True, lstrip_blocks=True
    )
    found.filters.update(plain=units.plain, percent=units.percent, count=words.count, unbroken=unbroken, capitalized=words.capitalized)
    return found
