"""Hourly temperatures of San Francisco: forecast the next 24 from earlier hours. NOAA's normals of one year, from vega-datasets.

The network predicts how much each hour differs from the same hour of the previous day. Always answering 0 is the seasonal-naive
forecast, which is strong on these smooth data.
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
TURN = ("train",) * 5 + ("validation", "test")  # weeks are assigned in this order, so that each split has every season of the only year


def read(path: Path) -> Tensor:
    """(hours,), in °F."""
    with path.open(encoding="ascii", newline="") as file:
        return torch.tensor([float(row["temp"]) for row in csv.DictReader(file)])


def stretches(hours: int) -> Iterator[tuple[str, int, int]]:
    """Split name, first hour and end hour of each stretch of consecutive weeks in one split."""
    weeks = range(-(-hours // WEEK))
    for name, run in groupby(weeks, key=lambda week: TURN[week % len(TURN)]):
        numbers = list(run)
        yield name, numbers[0] * WEEK, min(hours, (numbers[-1] + 1) * WEEK)


def windows(series: Tensor, history: int) -> tuple[Tensor, Tensor]:
    """x: (n, history, 4) from the series, y: (n, 24), its first feature in the next hours. A window begins at every hour."""
    x = series[:-DAY].unfold(0, history, 1).transpose(1, 2)
    return x, series[history:, 0].unfold(0, DAY, 1)


def make(case: Case) -> Data:
    """The data. No hour of one split is in a window of another. `unit` scales errors so that the seasonal-naive forecast's is 1."""
    least_length(case, "temperatures", DAY)
    if case.seq_len + DAY > WEEK:
        raise Unsupported(
            f"temperatures takes {WEEK - DAY} time steps or fewer, not {case.seq_len}: with the next day they must fit a week"
        )
    year = read(packaged("vega_datasets", "_data/sf-temps.csv", "data"))
    change, level, angle = year[DAY:] - year[:-DAY], year[DAY:], torch.arange(len(year) - DAY) * (tau / DAY)
    known = torch.cat([torch.arange(first, end) for name, first, end in stretches(len(level)) if name == "train"])
    level = (level - level[known].mean()) / level[known].std()  # scaled by the training hours only
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
