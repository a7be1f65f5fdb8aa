"""Records as measure() returns them: a list that prints itself, draws itself in a notebook, and converts to pandas."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from rnnbench.record import MEMORY, METRICS, PARTS, Record
from rnnbench.units import digits, percent, show

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("step_time_s", "half_width_ratio", "tokens_per_s", "activation_bytes", "peak_rss_growth_bytes", "peak_allocated_bytes")
COLOURS = ("#59636f", "#0d7489", "#0b7a5b", "#b02a58", "#77543e", "#8446ab", "#0b67b2")
_SETTINGS = ("phase", "precision", "execution", "clip_norm", "batch_size", "seq_len", "hidden_size", "depth", "input_size", "device")
_COMMON = {
    "half-width": "missed the precision of their budget: quiet the machine, or raise budget",
    "not steady": "were not steady after warm-up: raise budget",
    "contended": "shared the machine with other processes: close them, and measure again",
}
"""How a note begins, and what a table says of all records that have one."""
_UNSHOWN = ("memory and operators are those of",)
_CELL = "text-align:left;padding:2px 12px 2px 0"


class Records(list[Record]):
    """Records of one call, in the order in which they were measured; a case that failed is among them, with status and reason."""

    def to_frame(self) -> "pd.DataFrame":
        """One row a record: the case's fields, status, reason, every metric (NaN where absent), and 95 % intervals of the median."""
        from rnnbench.analysis.frames import frame
        from rnnbench.record import Run

        return frame(Run(id="", suites=(), arguments={}, machine={}, commit={}, started_utc="", records=tuple(self)))

    def __repr__(self) -> str:
        """A table in plain text, and below it what went wrong or should be known."""
        heads, rows = self._table()
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (heads, *rows)]
        return "\n".join([*lines, *self._remarks()])

    def _repr_html_(self) -> str:
        """The table, the parts of each train step, and each step's memory by category."""
        heads, rows = self._table()
        cells = [Markup('<th style="{}">{}</th>').format(_CELL, head) for head in heads]
        lines = [Markup("<tr>{}</tr>").format(Markup().join(cells))]
        for row in rows:
            cells = [Markup('<td style="{}">{}</td>').format(_CELL, cell) for cell in row]
            lines.append(Markup("<tr>{}</tr>").format(Markup().join(cells)))
        remarks = Markup().join(Markup("<p>{}</p>").format(remark) for remark in self._remarks())
        bars = _bars("Parts of the train step", self, PARTS) + _bars("Memory of a step", self, MEMORY)
        return str(Markup("<div><table>{}</table>{}{}</div>").format(Markup().join(lines), remarks, bars))

    def _table(self) -> tuple[list[str], list[list[str]]]:
        """Heads and rows: what tells the cases apart, the status, and the metrics that at least one record has."""
        axes = _telling(self)
        metrics = [name for name in COLUMNS if any(name in record.metrics for record in self)]
        rows = [[*_settings(record, axes), record.status, *(_shown(record, name) for name in metrics)] for record in self]
        return [*axes, "status", *("±" if name == "half_width_ratio" else METRICS[name].label for name in metrics)], rows

    def _remarks(self) -> list[str]:
        """Reasons of what failed, how many cases met each common trouble, and other notes; each once."""
        failed = [f"{record.status}: {record.case}: {record.reason}" for record in self if record.status != "ok"]
        counted = Counter(begin for record in self for begin in _COMMON if any(note.startswith(begin) for note in record.notes))
        common = [f"{count} of {len(self)} cases {_COMMON[begin]}" for begin, count in counted.items()]
        rest = [note for record in self for note in record.notes if not note.startswith((*_COMMON, *_UNSHOWN))]
        return list(dict.fromkeys([*failed, *_against_fp32(self), *common, *rest]))


def _against_fp32(records: list[Record]) -> list[str]:
    """What each other precision did to the step time, against the same case in fp32; and how a verdict is had."""
    measured = {str(record.case): record for record in records if record.status == "ok"}
    said = []
    for record in measured.values():
        plain = measured.get(str(replace(record.case, precision="fp32")))
        if plain is None or plain is record:
            continue
        ratio = record.metrics["step_time_s"] / plain.metrics["step_time_s"]
        told = f"{digits(ratio)}× slower" if ratio >= 1 else f"{digits(1 / ratio)}× faster"
        said.append(f"{_called(record)}: {told} than fp32 in one process each; rnnbench.compare gives a verdict")
    return said


def _telling(records: list[Record]) -> list[str]:
    """The phase, and every other setting that differs between the records."""
    values = {name: {getattr(record.case, name) for record in records} for name in ("variant", *_SETTINGS)}
    return [name for name, found in values.items() if name == "phase" or len(found) > 1]


def _settings(record: Record, axes: list[str]) -> list[str]:
    found = (getattr(record.case, name) for name in axes)
    return ["none" if value is None else str(value) for value in found]


def _shown(record: Record, name: str) -> str:
    value = record.metrics.get(name)
    return percent(value) if name == "half_width_ratio" and value is not None else show(name, value)


def _bars(title: str, records: list[Record], names: tuple[str, ...]) -> Markup:
    """A stacked bar for each record that has such figures, and one legend."""
    rows = [(record, {name: record.metrics[name] for name in names if record.metrics.get(name)}) for record in records]
    rows = [(record, found) for record, found in rows if len(found) > 1]
    if not rows:
        return Markup()
    longest = max(sum(found.values()) for _, found in rows)
    colours = dict(zip(names, COLOURS, strict=False))
    lines = [
        Markup("<tr><td style='{}'>{}</td><td>{}</td></tr>").format(_CELL, _called(one), _bar(found, longest, colours))
        for one, found in rows
    ]
    used = [name for name in names if any(name in found for _, found in rows)]
    legend = Markup(" ").join(Markup('<span style="color:{}">■</span> {}').format(colours[name], METRICS[name].label) for name in used)
    return Markup("<p><b>{}</b><br>{}</p><table>{}</table>").format(title, legend, Markup().join(lines))


def _bar(found: Mapping[str, float], longest: float, colours: Mapping[str, str]) -> Markup:
    parts = [
        Markup('<span title="{}" style="display:inline-block;height:14px;width:{}px;background:{}"></span>').format(
            f"{METRICS[name].label}: {show(name, value)}", round(400 * value / longest), colours[name]
        )
        for name, value in found.items()
    ]
    return Markup().join(parts) + escape(f" {show(next(iter(found)), sum(found.values()))}")


def _called(record: Record) -> str:
    case = record.case
    clip = "" if case.clip_norm is None else f", clip_norm {case.clip_norm:g}"
    return f"{case.phase}, {case.precision}{clip}"
