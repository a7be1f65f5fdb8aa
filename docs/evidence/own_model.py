"""Does a measured train step of one's own model take as long as a bare loop's? `python docs/evidence/own_model.py [ROUNDS]`.

The step that `rnnbench.measure` times takes turns with the same step as anybody would write it, each on its own copy of the
model, before or after it by the toss of a coin: what else the machine does meets both. The ratio is the median over rounds.
"""

import copy
import sys
from pathlib import Path
from statistics import quantiles

import torch

from rnnbench.budget import Budget
from rnnbench.case import OWN_BLANK, Case
from rnnbench.measure.measuring import measure_case
from rnnbench.measure.own.model import register
from rnnbench.measure.own.parcel import Parcel
from rnnbench.measure.own.work import OwnWork

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from my_model import LanguageModel, loss, sentences


def bare(model, batch):
    """A train step as anybody would write it."""
    model = copy.deepcopy(model).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    *inputs, target = batch

    def step():
        optimizer.zero_grad()
        loss(model(*inputs), target).backward()
        optimizer.step()

    return step


def main(rounds=60):
    model, batch = LanguageModel(), sentences()
    register(Parcel(model=model, batches=[batch], loss=loss).own("evidence:LanguageModel"))
    case = Case(suite="own_model", variant="evidence:LanguageModel", phase="train", **dict.fromkeys(OWN_BLANK))

    def time_rounds(step, clock, _step_s):
        times = []
        for number in range(rounds + 2):  # one before and one after, which do not count
            before = clock()
            step()
            if 0 < number <= rounds:
                times.append(clock() - before)
        return times

    budget = Budget(max_time_s=1.0, precision=0.01)
    seen = measure_case(case, budget, time_rounds, beside=lambda _: ("a bare loop", bare(model, batch)), make=OwnWork)
    ratios = [a / b for a, b in zip(seen.times_s, seen.beside_times_s, strict=True)]
    low, middle, high = quantiles(ratios, n=4)
    print(f"rnnbench {seen.metrics['step_time_s'] * 1e3:.1f} ms, bare loop {seen.metrics['beside_time_s'] * 1e3:.1f} ms")
    print(f"ratio over {rounds} rounds: median {middle:.3f}, quartiles {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
