"""The order in which people read cases: axis by axis, each axis's values in its own order."""

from collections.abc import Sequence
from math import inf

import pandas as pd

from rnnbench import units
from rnnbench.analysis.fit import in_order


def in_reading_order(cases: pd.DataFrame, axes: Sequence[str], metric: str = "", *, ascending: bool = True) -> pd.DataFrame:
    """The rows by `axes`, the first one slowest; rows alike in all of them by `metric`, those without it last."""
    columns: list[list[float]] = []
    for axis in axes:
        ranks = {units.plain(value): rank for rank, value in enumerate(in_order(axis, list(cases[axis])))}
        columns.append([ranks[units.plain(value)] for value in cases[axis]])
    figures = [float(value) for value in cases[metric]] if metric else [0.0] * len(cases)
    columns.append([inf if figure != figure else figure if ascending else -figure for figure in figures])
    keys = list(zip(*columns, strict=True))
    return cases.iloc[sorted(range(len(keys)), key=keys.__getitem__)]
