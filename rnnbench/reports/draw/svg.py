"""A matplotlib figure as inline SVG: byte-stable, coloured by the page's CSS variables, with unique ids and a text alternative."""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
import seaborn as sns
from markupsafe import Markup, escape
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from rnnbench.reports.draw.palette import GRID, INK, MUTED, PAPER, ROLES, SLOTS
from rnnbench.spelling import spelt, spelt_lines

_RC: dict[str, Any] = {
    "svg.hashsalt": "rnnbench",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "path.simplify": True,
    "text.parse_math": False,
}
_COLOURS = {pair[0]: f"var(--s{slot})" for slot, pair in enumerate(SLOTS)} | {colour: f"var({name})" for colour, name in ROLES.items()}
_CUTS = (
    (re.compile(r"^.*?(?=<svg)", re.DOTALL), ""),
    (re.compile(r"<metadata>.*?</metadata>", re.DOTALL), ""),
    (re.compile(r"<!--.*?-->", re.DOTALL), ""),
    (re.compile(r'(<svg[^>]*?) width="[^"]*"'), r"\1"),
    (re.compile(r'(<svg[^>]*?) height="[^"]*"'), r"\1"),
    (re.compile(r'<g id="[^"]*"'), "<g"),
    (re.compile(r"font: (?:\w+ )*?([\d.]+)px [^;\"]*"), r"font-size: \1px"),
    (re.compile(r"\s*\n\s*"), "\n"),
)
_COLOUR = re.compile("|".join(_COLOURS))
_ID = re.compile(r'(\bid="|url\(#|href="#)')


DOTS_PER_INCH = 200
Legend = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Album:
    """Figures as files of one kind, by name, beside what a page takes of them."""

    kind: str
    pictures: dict[str, bytes] = field(default_factory=dict)


_ALBUM: ContextVar[Album | None] = ContextVar("album", default=None)


@contextmanager
def album(kind: str) -> Iterator[Album]:
    """While it is open, every figure that is drawn is kept as "png" or "svg" too, each with its own legend and a white ground;
    as nothing where `kind` is empty."""
    found = Album(kind)
    token = _ALBUM.set(found if kind else None)
    try:
        yield found
    finally:
        _ALBUM.reset(token)


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """A figure of `width` × `height` inches in the reports' style, without pyplot's global state."""
    style: dict[Any, Any] = {**dict(sns.axes_style("whitegrid")), **_RC}
    with mpl.rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "constrained_layout not applied")  # a label may be longer than the picture is wide
            yield figure


def to_svg(figure: Figure, name: str, description: str, legend: Legend = (), title: str = "") -> Markup:
    """The figure as an `<svg role="img">` whose ids begin with `name`, and whose label states what it shows.
    The page shows `legend` and `title` itself, beside the figure."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    if (kept := _ALBUM.get()) is not None:
        kept.pictures[name] = _alone(figure, kept.kind, description, legend, title)
    text = spelt_lines(buffer.getvalue())
    for pattern, by in _CUTS:
        text = pattern.sub(by, text)
    text = _COLOUR.sub(lambda found: _COLOURS[found.group()], text)
    text = _ID.sub(rf"\g<1>{name}-", text)
    return Markup(text.replace("<svg", f'<svg role="img" aria-label="{escape(spelt(description))}"', 1))  # noqa: S704 - matplotlib's own output escapes its text


def _alone(figure: Figure, kind: str, description: str, legend: Legend, title: str) -> bytes:
    """The figure as a file that needs no page."""
    if legend:
        handles = [Patch(color=SLOTS[slot][0], label=name) for name, slot in legend]
        columns = max(1, int(figure.get_figwidth() / 1.5))
        figure.legend(handles=handles, loc="outside upper left", ncols=columns, frameon=False, fontsize=8)
        figure.set_figheight(figure.get_figheight() + 0.2 * -(-len(handles) // columns))
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=9, fontweight="bold")
    buffer = io.BytesIO()
    description = spelt(description)
    stated = {"Date": None, "Description": description} if kind == "svg" else {"Software": "rnnbench", "Description": description}
    figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH, facecolor=PAPER, metadata=stated)
    found = buffer.getvalue()
    return spelt_lines(found.decode("utf-8")).encode() if kind == "svg" else found
