"""rnnbench.measure: your own model on your own batch."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from rnnbench.budget import Budget
from rnnbench.interactive.asked import Asked, Several, budget_of, name_of, parcel_of
from rnnbench.interactive.processes import in_processes, in_this_process
from rnnbench.interactive.progress import progress_bar
from rnnbench.interactive.records import Records
from rnnbench.measure.own.parcel import CannotPack
from rnnbench.own_model import named

if TYPE_CHECKING:
    from torch import nn

CASE_LIMIT_S = 300.0


def measure(
    model: "nn.Module | Callable[..., Any]",
    batch: Any = None,
    *,
    loss: Callable[..., Any] | None = None,
    optimizer: Callable[..., Any] | None = None,
    phases: Several = ("forward", "train"),
    precision: Several = "fp32",
    clip_norm: Several = None,
    execution: Several = "eager",
    budget: str | float | Budget = "standard",
    device: str | None = None,
    tokens: int | Callable[[Any], int] | None = None,
    name: str = "",
    seed: int = 0,
    limit_s: float = CASE_LIMIT_S,
    own_process: bool = True,
) -> Records:
    """Measure a model as it is, on inputs as they are: time, memory, throughput. Returns a record for each case, failed ones too.

    `model` is a module, or a function that returns one (or a tuple of module, batch, loss, optimizer). A `batch` is

    * a dict: `model(**batch)`, without the keys that forward does not name, and `loss(output, batch)`;
    * a tuple: `model(*inputs)` and `loss(output, target)`, the target being its last item;
    * a tensor, a PackedSequence or another object: `model(batch)` and `loss(output)`;
    * a list of these, which take turns, or a DataLoader, of which the first four batches are drawn.

    Without `loss`, the output is the loss, or has it as `.loss` or `["loss"]`. `optimizer(parameters)` makes the optimizer; default: AdamW.
    `phases`, `precision`, `clip_norm` and `execution` take one value or several, which are crossed. `budget` is quick, standard or full,
    or seconds of timed rounds for each case. `tokens` is the number of tokens in a batch, or a function that counts them; without it they
    are counted by lengths, a mask or a PackedSequence among the inputs, else every position counts.

    Each case runs in a fresh process, to which the model is sent; your model is not trained. Where it cannot be sent (it is defined in
    a notebook and cloudpickle is not installed), or with `own_process=False`, the cases run in this process, and each record says so.
    A case that takes longer than `limit_s` seconds is ended, in a process of its own. Raises UsageError for arguments that cannot be.
    """
    asked = Asked.of(phases, precision, clip_norm, execution, seed)
    parcel, allowed = parcel_of(model, batch, loss, optimizer, tokens), budget_of(budget)
    name = named("own", name) if name else name_of(model)
    cases = partial(asked.cases, name)
    why = "as asked"
    with progress_bar() as seen:
        if own_process:
            try:
                return Records(in_processes(parcel, name, cases, allowed, device, limit_s, seen))
            except CannotPack as error:
                why = str(error)
        found = in_this_process(parcel, name, cases, allowed, device, seen)
    note = f"measured in the process that called, not in a fresh one: {why}"
    return Records(replace(record, notes=(*record.notes, note)) for record in found)
