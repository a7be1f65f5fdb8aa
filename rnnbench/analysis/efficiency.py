"""Parallel efficiency and the share of communication over a run's cases."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.case import AXES

_NOT_OF_ONE = ("processes", "scaling", "bucket_mib")  # axes that say nothing of a case of one process
_ALIKE = ("run", *(axis for axis in AXES if axis not in _NOT_OF_ONE))


@dataclass(frozen=True, slots=True)
class Shared:
    """A case of several processes against one process alike in all else. `row` is the case's, of `by_case`.

    `speedup` is its throughput ÷ that of the one process, `efficiency` that ÷ the processes. `low` and `high` enclose the efficiency,
    as far as the medians' own intervals reach; none where there are none.
    """

    row: "pd.Series[Any]"
    processes: int
    scaling: str
    speedup: float
    low: float | None
    high: float | None
    communication: float | None

    @property
    def efficiency(self) -> float:
        """1 where no process is wasted."""
        return self.speedup / self.processes


def shared(cases: pd.DataFrame) -> Iterator[Shared]:
    """Every measured case of several processes whose one-process case was measured too, in the table's order."""
    fine = cases[(cases["status"] == "ok") & cases["tokens_per_s"].notna()]
    alone = {_key(row): row for _, row in fine[fine["processes"] == 1].iterrows()}
    for _, row in fine[fine["processes"] > 1].iterrows():
        one = alone.get(_key(row))
        if one is not None:
            yield _shared(row, one)


def _key(row: "pd.Series[Any]") -> tuple[object, ...]:
    """What the two cases have in common; threads count too, where the case was measured by so many."""
    held = [row[name] for name in (*_ALIKE, "threads")]
    return tuple("none" if pd.isna(value) else value for value in held)


def _shared(row: "pd.Series[Any]", one: "pd.Series[Any]") -> Shared:
    speedup = float(row["tokens_per_s"] / one["tokens_per_s"])
    processes = int(row["processes"])
    ends = [float(each[f"step_time_{end}"] / each["step_time_s"]) for each in (row, one) for end in ("low", "high")]
    known = bool(np.isfinite(ends).all())
    low, high, one_low, one_high = ends
    efficiency = speedup / processes
    talk = row["communication_share"]
    return Shared(
        row=row,
        processes=processes,
        scaling=str(row["scaling"]),
        speedup=speedup,
        low=efficiency / high * one_low if known else None,
        high=efficiency / low * one_high if known else None,
        communication=None if pd.isna(talk) else float(talk),
    )
