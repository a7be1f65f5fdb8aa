"""Hourly temperatures of San Francisco: the next day's 24, from the hours before. NOAA's normals of a year; they come with vega-datasets.

The network says by how much each hour will differ from the same hour of the day before. To answer 0 always is the seasonal-naive
forecast, which these smooth data make a strong one.
"""

import csv
from collections.abc import Iterator
from itertools import groupby
from math import tau
from pathlib import Path

import torch
from torch import Tensor

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.tasks._installed import packaged
from rnnbench.tasks._kinds import FORECAST
from rnnbench.tasks._problem import PROBLEMS, Data, Problem, Recipe, Split, least_length

DAY, WEEK = 24, 168
TURN = ("train",) * 5 + ("validation", "test")  # weeks in turn: each split sees every season of the one year that there is


def read(path: Path) -> Tensor:
    """(hours,), in °F."""
    with path.open(encoding="ascii", newline="") as file:
        return torch.tensor([float(row["temp"]) for row in csv.DictReader(file)])


def stretches(hours: int) -> Iterator[tuple[str, int, int]]:
    """Name of the split, first hour and the one after the last, of each stretch of weeks that follow one another in one split."""
    weeks = range(-(-hours // WEEK))
    for name, run in groupby(weeks, key=lambda week: TURN[week % len(TURN)]):
        numbers = list(run)
        yield name, numbers[0] * WEEK, min(hours, (numbers[-1] + 1) * WEEK)


def windows(series: Tensor, history: int) -> tuple[Tensor, Tensor]:
    """x: (n, history, 4) of series, y: (n, 24), what its first feature will be in the hours to come; every hour begins a window."""
    x = series[:-DAY].unfold(0, history, 1).transpose(1, 2)
    return x, series[history:, 0].unfold(0, DAY, 1)


def make(case: Case) -> Data:
    """No hour of one split is in a window of another. Against the seasonal-naive forecast, whose error `unit` makes 1."""
    least_length(case, "temperatures", DAY)
    if case.seq_len + DAY > WEEK:
        raise Unsupported(f"temperatures takes {WEEK - DAY} time steps or fewer, not {case.seq_len}: a week holds them and the day to come")
    year = read(packaged("vega_datasets", "_data/sf-temps.csv", "data"))
    change, level, angle = year[DAY:] - year[:-DAY], year[DAY:], torch.arange(len(year) - DAY) * (tau / DAY)
    known = torch.cat([torch.arange(first, end) for name, first, end in stretches(len(level)) if name == "train"])
    level = (level - level[known].mean()) / level[known].std()  # scaled by what training may know
    series = torch.stack((change / change[known].std(), level, angle.sin(), angle.cos()), -1)
    found: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in TURN}
    for name, first, end in stretches(len(series)):
        if end - first >= case.seq_len + DAY:
            found[name].append(windows(series[first:end], case.seq_len))
    train, validation, test = (_split(found[name]) for name in ("train", "validation", "test"))
    return Data(train, validation, test, outputs=DAY, trivial=1.0)


def _split(parts: list[tuple[Tensor, Tensor]]) -> Split:
    x, y = (torch.cat(one) for one in zip(*parts, strict=True))
    return Split(x, y, unit=float(1 / y.abs().mean()))


PROBLEMS.add(
    "temperatures",
    Problem(
        name="temperatures",
        about="hourly temperatures of the next day from seq_len hours",
        kind=FORECAST,
        target=0.65,
        trivial="as on the day before (seasonal-naive)",
        make=make,
        recipe=Recipe(lr=3e-3, max_steps=800, schedule="cosine"),
    ),
)
