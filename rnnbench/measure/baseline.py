"""The baseline of every variant: a fused LSTM, measured alternately with it."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnbench.measure.workload import Work


def beside_lstm(hidden_size: int | None = None) -> "Callable[[Work], tuple[str, Callable[[], None]]]":
    """For `measure(case, beside=…)`: the case's step with a fused LSTM instead, of the same hidden size or of another."""

    def beside(work: "Work") -> tuple[str, Callable[[], None]]:
        from rnnbench.device.devices import Clock
        from rnnbench.device.precision import FORMATS
        from rnnbench.measure.workload import Workload

        case = replace(work.case, variant="lstm", implementation="fused", hidden_size=hidden_size or work.case.hidden_size)
        other = Workload(case, work.device, FORMATS[case.precision], Clock(work.device))
        return f"fused lstm, hidden size {case.hidden_size}", other.step

    return beside
