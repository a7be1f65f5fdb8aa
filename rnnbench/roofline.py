"""Lower bounds on a step's time from a machine's ceilings, and which of them binds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rnnbench.record import Record

BOUNDS: dict[str, str] = {
    "compute": "the matrix products alone account for most of the step",
    "memory": "moving its bytes once accounts for most of the step",
    "launch": "dispatching its operators to the device accounts for most of the step",
}
ABOVE = 1.05  # a share of the ceiling above this casts doubt on the ceiling itself
_PRODUCTS = "_flops_per_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """A device's limits: FLOP/s of matrix products in each precision, bytes/s of a copy, seconds to dispatch an operator."""

    device: str
    flops_per_s: Mapping[str, float] = field(default_factory=dict)
    copy_bytes_per_s: float | None = None
    launch_s: float | None = None
    source: str = "measured"
    absent: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The ceilings as run.json holds them, among the facts about the machine."""
        products = {f"{precision}{_PRODUCTS}": rate for precision, rate in self.flops_per_s.items()}
        rest = {"copy_bytes_per_s": self.copy_bytes_per_s, "launch_s": self.launch_s}
        figures = {name: value for name, value in (products | rest).items() if value is not None}
        return {"device": self.device, "source": self.source, **figures, "absent": dict(self.absent)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Ceilings":
        """The ceilings that `as_dict` wrote."""
        return cls(
            device=str(data["device"]),
            flops_per_s={name.removesuffix(_PRODUCTS): float(data[name]) for name in data if name.endswith(_PRODUCTS)},
            copy_bytes_per_s=data.get("copy_bytes_per_s"),
            launch_s=data.get("launch_s"),
            source=str(data.get("source", "measured")),
            absent=dict(data.get("absent", {})),
        )


@dataclass(frozen=True, slots=True)
class Needs:
    """What one step requires of a device. None means unknown."""

    flops: float | None = None
    moved_bytes: float | None = None
    operators: float | None = None


def least_times_s(needs: Needs, precision: str, ceilings: Ceilings) -> dict[str, float]:
    """The lower bound of a step's time in seconds, for each bound that can be computed."""
    rate, copied, launch_s = ceilings.flops_per_s.get(precision), ceilings.copy_bytes_per_s, ceilings.launch_s
    found: dict[str, float] = {}
    if needs.flops is not None and rate:
        found["compute"] = needs.flops / rate
    if needs.moved_bytes is not None and copied:
        found["memory"] = needs.moved_bytes / copied
    if needs.operators is not None and launch_s:
        found["launch"] = needs.operators * launch_s
    return found


def needs_of(record: Record) -> Needs:
    """What the step of a record requires. The operators of a backward pass alone are unknown: the count includes its forward pass."""
    known = record.metrics
    operators = known.get("operators") if record.case.phase != "backward" else None
    return Needs(known.get("step_flops"), known.get("moved_bytes"), operators)


def placed(record: Record, ceilings: Ceilings | None, why_not: str = "") -> Record:
    """The record with its FLOP rate, its share of the ceiling and its bound. A figure that cannot be computed is absent with its reason."""
    step_s = record.metrics.get("step_time_s")
    if record.status != "ok" or not step_s or "ceiling_share" in record.metrics:
        return record
    metrics, absent, notes = dict(record.metrics), dict(record.absent), list(record.notes)
    if "step_flops" in metrics:
        metrics["achieved_flops_per_s"] = metrics["step_flops"] / step_s
    else:
        absent["achieved_flops_per_s"] = absent.get("step_flops", "the FLOPs of the step are not known")
    least = least_times_s(needs_of(record), record.case.precision, ceilings) if ceilings else {}
    if "launch" in least:
        metrics["launch_share"] = least["launch"] / step_s
    roof = [least[name] for name in ("compute", "memory") if name in least]
    if "compute" in least:
        metrics["ceiling_share"] = share = max(roof) / step_s
        if share > ABOVE:
            notes.append(
                f"faster than the ceiling measured here allows ({share:.2f}×): remove .ceilings.json from the results folder"
                " and measure on a quiet machine"
            )
    else:
        absent["ceiling_share"] = why_not or _why(record, ceilings)
    bound = max(least, key=lambda name: least[name]) if "compute" in least else ""
    return replace(record, metrics=metrics, absent=absent, notes=tuple(notes), bound=bound)


def _why(record: Record, ceilings: Ceilings | None) -> str:
    if ceilings is None:
        return "the machine's ceilings were not measured"
    precision = record.case.precision
    if precision not in ceilings.flops_per_s:
        return ceilings.absent.get(precision, f"the rate of {precision} matrix products was not measured")
    return record.absent.get("step_flops", "the FLOPs of the step are not known")
