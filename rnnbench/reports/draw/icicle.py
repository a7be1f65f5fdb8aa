"""An icicle chart as inline SVG: callers above callees, from top to bottom, as wide as the time it took."""

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup, escape

from rnnbench import units
from rnnbench.analysis.profile import KINDS, PYTHON, kind_of

WIDTH, ROW = 1120.0, 22.0
NARROWEST = 1.0
LETTER = 6.6  # pixels
DEEPEST = 12
SLOT = {name: place for place, name in enumerate([*(kind for kind, _ in KINDS), "pointwise", PYTHON])}


def icicle(tree: Mapping[str, Any], title: str) -> Markup:
    """The tree of a profiled step. Each box description its name, time and calls when pointed at."""
    boxes = list(_boxes(tree, 0.0, 0, WIDTH / (tree["seconds"] or 1.0)))
    rows = 1 + max(depth for _, _, _, depth in boxes)
    parts = [_box(node, x, width, depth) for node, x, width, depth in boxes]
    head = f'<svg viewBox="0 0 {WIDTH:.0f} {rows * ROW:.0f}" role="img" aria-label="{escape(title)}" font-size="11">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 - every text is escaped


def _boxes(node: Mapping[str, Any], x: float, depth: int, scale: float) -> Iterator[tuple[Mapping[str, Any], float, float, int]]:
    width = node["seconds"] * scale
    if width < NARROWEST or depth >= DEEPEST:
        return
    yield node, x, width, depth
    for child in sorted(node["children"], key=lambda one: -one["seconds"]):
        yield from _boxes(child, x, depth + 1, scale)
        x += child["seconds"] * scale


def _box(node: Mapping[str, Any], x: float, width: float, depth: int) -> str:
    name = str(node["name"])
    described = f"{name}: {units.show('step_time_s', node['seconds'])}, {node['calls']:g} calls per step"
    letters = int((width - 8) / LETTER)
    short = name if len(name) <= letters else f"{name[: letters - 1]}…" if letters > 2 else ""
    top = depth * ROW
    size = f'width="{max(0.5, width - 1):.1f}" height="{ROW - 1:.0f}"'
    rect = f'<rect x="{x:.1f}" y="{top:.0f}" {size} rx="2" fill="var(--s{SLOT[kind_of(name)]})"/>'
    text = f'<text x="{x + 5:.1f}" y="{top + 15:.0f}" fill="var(--paper)">{escape(short)}</text>' if short else ""
    return f"<g><title>{escape(described)}</title>{rect}{text}</g>"
