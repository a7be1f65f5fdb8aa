"""Whether a precision is supported: one small step of the case's kind, and the formats that its fused operators were given."""

from collections.abc import Callable
from typing import Any

import torch

from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import Format
from rnnbench.errors import Unsupported
from rnnbench.measure.probes import operators


def probe(case: Case, device: Device, form: Format, kind: Callable[[Case, Device, Format, Clock], Any]) -> None:
    """Try one small step of a workload that `kind` makes. Raises Unsupported if the precision is not supported.

    Only precisions below fp32 are tried: a failure in fp32 is an error of the variant and is reported as such.
    """
    if form.products is torch.float32:
        return
    small = {"depth": 1, "hidden_size": 8, "input_size": 8, "batch_size": 2, "seq_len": 4}
    tiny = Case.from_dict({**case.as_dict(), **small, "execution": "eager"})
    try:
        found = operators.dispatched(kind(tiny, device, form, Clock(device)).step)
    except (RuntimeError, NotImplementedError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise Unsupported(f"{case.precision} {case.variant} on {device.name}: {str(error).splitlines()[0]}") from error
    for name in operators.FUSED:
        if other := found.types.get(name, set()) - {form.products}:
            raise Unsupported(f"{case.precision} {case.variant} on {device.name}: {name} was given {', '.join(sorted(map(str, other)))}")
