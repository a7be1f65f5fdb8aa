"""Gradients and weights of two real processes after a step, against plain torch in one, in float64: run with a folder to write to."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import in_format
from rnnbench.measure.job import Job
from rnnbench.measure.parallel.data_parallel import DataParallel
from rnnbench.measure.parallel.sharing import sequences
from rnnbench.record import Trial
from rnnbench.runs.processes.ranks import launch
from rnnbench.tasks import TASKS

SIZES = {"suite": "scaling", "depth": 2, "hidden_size": 6, "input_size": 5, "batch_size": 8, "seq_len": 4, "task": "exact"}
CASES = {
    "strong": Case(processes=2, **SIZES),
    "parts": Case(processes=2, accumulation=2, **SIZES),
    "weak": Case(processes=2, scaling="weak", bucket_mib=1, **SIZES),
}


def step(case: Case, out: Path) -> int:
    """One rank: a step, then all that it saw and has."""
    device = Device("cpu")
    with in_format("fp32", device) as form:
        work = DataParallel(case, device, form, Clock(device))
        before = {name: weight.detach().clone() for name, weight in work.model.named_parameters()}
        if work.world.rank == 0:
            work.step()
            gradients = {name: weight.grad.clone() for name, weight in work.model.named_parameters()}
            work.step_alone()
            work.close()
        else:
            gradients = {}
            work.follow()
        batch = [(x.clone(), y.clone()) for x, y in work._parts[1]]
        torch.save((before, gradients, batch), out / f"rank-{work._rank}.pt")
    return 0


def compared(case: Case, out: Path) -> dict[str, float]:
    """The largest difference between the gradients of both ways, and the largest gradient."""
    found = [torch.load(out / f"rank-{rank}.pt") for rank in range(2)]
    before, gradients, _ = found[0]
    x, y = (torch.cat([part[place] for _, _, batch in found for part in batch], 1) for place in range(2))
    assert x.shape[1] == sequences(case)
    model = nn.LSTM(case.input_size, case.hidden_size, case.depth)
    names = dict(zip(before, model.parameters(), strict=True))
    for name, weight in names.items():
        weight.data.copy_(before[name])
    nn.functional.mse_loss(model(x)[0], y).backward()
    apart = max(float((gradients[name] - weight.grad).abs().max()) for name, weight in names.items())
    return {"apart": apart, "largest": max(float(weight.grad.abs().max()) for weight in names.values())}


def main() -> None:
    """Each case in turn. The task is `random`, without its loss's step to fp32."""
    TASKS.add("exact", replace(TASKS["random"], loss=nn.functional.mse_loss))
    torch.set_default_dtype(torch.float64)
    folder, told = Path(sys.argv[1]), {}
    for name, case in CASES.items():
        out = folder / name
        out.mkdir()
        heard: list[dict] = []
        job = Job(suite_path="", tasks=(Trial(case, 0),), budget=Budget.of("quick"))
        launch(job, heard.append, lambda _, case=case, out=out: step(case, out))
        assert [one["event"] for one in heard] == ["begin"], heard
        told[name] = compared(case, out)
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
