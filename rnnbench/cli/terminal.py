"""Coloured output, by rich: its colours are ours, its text is data and stays text."""

from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.control import Control
from rich.markup import escape
from rich.segment import Segment

from rnnbench.spelling import spelt, spelt_lines


def shown(text: object) -> str:
    """Data within rich's markup: no markup itself, on one line."""
    return escape(spelt(str(text)))


def console(*, stderr: bool = False) -> Console:
    """A console that spells out what its text says to the terminal. Its own colours stay."""
    found = Console(highlight=False, stderr=stderr)
    found.push_render_hook(_Hook())
    return found


class _Plain:
    """What another renders, its text spelt out; control segments (the progress bar's cursor) are rich's own."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for one in console.render(self._inner, options):
            yield one if one.control else Segment(spelt_lines(one.text), one.style)


class _Hook(RenderHook):
    """rich asks it before each print."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Each, plain."""
        return [one if isinstance(one, Control) else _Plain(one) for one in renderables]
