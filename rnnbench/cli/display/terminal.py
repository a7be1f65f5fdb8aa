"""Coloured output through rich, with data kept as plain text."""

from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.control import Control
from rich.markup import escape
from rich.segment import Segment

from rnnbench.reports.sentences import FIGURE
from rnnbench.spelling import spelt, spelt_lines

_GLUE = "\ue000"  # stands for a space at which no line may break; rich breaks at U+00A0 too


def whole_figures(text: str) -> str:
    """The sentence, so that no line breaks between a number and its unit."""
    return FIGURE.sub(_GLUE, text)


def shown(text: object) -> str:
    """Data for rich's markup: escaped, on one line."""
    return escape(spelt(str(text)))


def shown_lines(text: object) -> str:
    """The same, its lines kept."""
    return escape(spelt_lines(str(text)))


def console(*, stderr: bool = False) -> Console:
    """A console that spells out control characters in its text. Its own colours stay."""
    found = Console(highlight=False, stderr=stderr)
    found.push_render_hook(_Hook())
    return found


class _Plain:
    """What another renders, its text spelt out; control segments (the progress bar's cursor) are rich's own."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for one in console.render(self._inner, options):
            yield one if one.control else Segment(spelt_lines(one.text.replace(_GLUE, " ")), one.style)


class _Hook(RenderHook):
    """rich asks it before each print."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Each, plain."""
        return [one if isinstance(one, Control) else _Plain(one) for one in renderables]
