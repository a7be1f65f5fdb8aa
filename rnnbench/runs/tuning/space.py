"""The space that tuning searches, and quasi-random points of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scipy.stats import qmc

from rnnbench.case import SCHEDULES
from rnnbench.errors import BadValue, UnknownName

LR = (3e-4, 3e-2)
CLIP_NORMS = (None, 1.0)
_MOST_DRAWN = 12  # powers of two, where points repeat
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Space:
    """Learning rates between two ends, on a logarithmic scale, crossed with schedules and clip norms."""

    lr: tuple[float, float] = LR
    schedules: tuple[str, ...] = SCHEDULES
    clip_norms: tuple[float | None, ...] = CLIP_NORMS

    def __post_init__(self) -> None:
        low, high = self.lr
        if not (0 < low <= high < math.inf):
            raise BadValue("--lr", f"{low:g}:{high:g}", "LOW:HIGH above 0, for instance 0.0003:0.03")
        for name in self.schedules:
            if name not in SCHEDULES:
                raise UnknownName("--schedule", name, SCHEDULES)
        for norm in self.clip_norms:
            if norm is not None and not 0 < norm < math.inf:
                raise BadValue("--clip-norm", norm, "norms above 0, or none")
        if low == high and len(set(self.schedules)) == len(set(self.clip_norms)) == 1:
            raise BadValue(
                "--lr", f"{low:g}:{high:g}", "a space with more than one point: a range of rates, two schedules or two clip norms"
            )

    def points(self, count: int, seed: int) -> tuple[Values, ...]:
        """`count` distinct points, as axes of a case: a scrambled Sobol sequence. Rates have three digits."""
        (low, high), found = self.lr, dict[tuple[Any, ...], None]()
        for power in range(max(1, (count - 1).bit_length()), _MOST_DRAWN + 1):
            for u, v, w in qmc.Sobol(3, scramble=True, seed=seed).random_base2(power):
                lr = float(f"{low * (high / low) ** u:.3g}")
                found[lr, self.schedules[int(v * len(self.schedules))], self.clip_norms[int(w * len(self.clip_norms))]] = None
            if len(found) >= count:
                return tuple({"lr": lr, "schedule": schedule, "clip_norm": norm} for lr, schedule, norm in list(found)[:count])
        raise BadValue("--trials", count, f"at most {len(found)}, as the space has no more points")

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {"lr": list(self.lr), "schedule": list(self.schedules), "clip_norm": list(self.clip_norms)}
