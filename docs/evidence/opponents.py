"""Each fast form in turn with its opponent, in one process: the second table of docs/performance.md.

    python docs/evidence/opponents.py [SECONDS]

SECONDS (default 4) are spent on each pair. A ratio is the median over rounds of our time ÷ the opponent's in the same round.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import log
from pathlib import Path
from statistics import median, quantiles

import torch
from torch import nn

from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import in_format
from rnnbench.measure.probes.memory import activation_bytes
from rnnbench.measure.workload import Workload
from rnnbench.variants import VARIANTS
from rnnbench.variants.transformer import dense_causal
from rnnbench.variants.window_attention import local

PAGE = Path(__file__).parents[1] / "performance.md"
MARK = "<!-- written by docs/evidence/opponents.py: run it, do not edit between this and the next mark -->\n"
END = "<!-- end of opponents -->\n"
WINDOW, HEADS, SIZE = 128, 4, 64
FEWEST = 5
Step = Callable[[], object]
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def in_turn(ours: Step, theirs: Step, seconds: float) -> tuple[list[float], list[float]]:
    """Seconds of each, round by round, after two rounds that are not counted."""
    times: tuple[list[float], list[float]] = ([], [])
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times[0]) < FEWEST + 2:
        for step, spent in zip((ours, theirs), times, strict=True):
            before = time.perf_counter()
            step()
            spent.append(time.perf_counter() - before)
    return times[0][2:], times[1][2:]


def told(ours: list[float], theirs: list[float], *, inverse: bool = False) -> str:
    """The median ratio and the middle half; `inverse` says how many times faster ours is."""
    ratios = [b / a if inverse else a / b for a, b in zip(ours, theirs, strict=True)]
    low, middle, high = quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def windows(seconds: float) -> Iterator[str]:
    """Sliding windows against dense causal attention and against local-attention, forward and backward."""
    yield f"Window {WINDOW}, {HEADS} heads of {SIZE}, batch 1, forward and backward; times faster than dense causal attention of torch."
    yield "\n| precision | steps | times faster than dense | local-attention, × ours | growth from 2,048 | activations ÷ dense |"
    yield "|---|---|---|---|---|---|"
    for name, dtype in PRECISIONS.items():
        spent: dict[int, float] = {}
        for steps in (2048, 4096, 8192):
            q, k, v, d = (torch.randn(1, HEADS, steps, SIZE, dtype=dtype, requires_grad=True) for _ in range(4))

            def both(attend: Callable[..., torch.Tensor], q=q, k=k, v=v, d=d) -> Step:
                return lambda: torch.autograd.grad(attend(q, k, v), (q, k, v), d)

            ours = both(local(WINDOW).fused)
            mine, dense = in_turn(ours, both(dense_causal), seconds)
            spent[steps] = median(mine)
            others = "not installed"
            if not VARIANTS["their_window_attention"].missing:
                from rnnbench.variants.their_window_attention import attend_by_theirs

                own, their = in_turn(ours, both(attend_by_theirs(WINDOW)), seconds)
                others = told(own, their, inverse=True)
            growth = "" if steps == 2048 else f"{log(spent[steps] / spent[2048]) / log(steps / 2048):.2f}"
            kept, kept_dense = (
                activation_bytes(lambda attend=attend, q=q, k=k, v=v: attend(q * 1, k * 1, v * 1), nn.Identity())
                for attend in (local(WINDOW).fused, dense_causal)
            )
            yield f"| {name} | {steps:,} | {told(mine, dense, inverse=True)} | {others} | {growth} | {kept / kept_dense:.2f} |"


def deeper(seconds: float) -> Iterator[str]:
    """What trains deeper, against torch's own LSTM: train steps."""
    yield "\nTrain step ÷ that of `nn.LSTM` of the same hidden size: one layer of 256 on 256, batch 32, 128 steps.\n"
    yield "| variant | fp32 | bf16 |\n|---|---|---|"
    device = Device("cpu")
    base = Case(suite="opponents", depth=1, batch_size=32, seq_len=128)
    for name in ("ln_lstm", "res_lstm"):
        cells = []
        for precision in PRECISIONS:
            with in_format(precision, device) as form:
                case = replace(base, precision=precision)
                ours, theirs = (Workload(replace(case, variant=one), device, form, Clock(device)) for one in (name, "lstm"))
                cells.append(told(*in_turn(ours.step, theirs.step, seconds)))
        yield f"| `{name}` | {' | '.join(cells)} |"


def recurrences(seconds: float) -> Iterator[str]:
    """Linear recurrences against torch's GRU, and minGRU against minGRU-pytorch: train steps."""
    yield "\nTrain step ÷ that of `nn.GRU` of the same hidden size: one layer of 256 on 256, batch 16.\n"
    yield "| variant | steps | fp32 | bf16 |\n|---|---|---|---|"
    device = Device("cpu")
    base = Case(suite="opponents", depth=1, batch_size=16)
    pairs = [(name, "gru") for name in ("min_gru", "min_lstm", "sru", "qrnn", "rg_lru")]
    if not VARIANTS["their_min_gru"].missing:
        pairs.append(("min_gru", "their_min_gru"))
    for name, opponent in pairs:
        for steps in (256, 1024):
            cells = []
            for precision in PRECISIONS:
                with in_format(precision, device) as form:
                    case = replace(base, precision=precision, seq_len=steps)
                    ours, theirs = (Workload(replace(case, variant=one), device, form, Clock(device)) for one in (name, opponent))
                    cells.append(told(*in_turn(ours.step, theirs.step, seconds)))
            against = "" if opponent == "gru" else " ÷ minGRU-pytorch"
            yield f"| `{name}`{against} | {steps:,} | {' | '.join(cells)} |"


def decoding(seconds: float) -> Iterator[str]:
    """A step of a three-layer LSTM by the suite's stream, against a loop over torch's own cells as one writes it."""
    yield "\nOne step of decoding, 3-layer LSTM of 256, ÷ a hand-written loop over `nn.LSTMCell`.\n\n| batch | fp32 | bf16 |\n|---|---|---|"
    device = Device("cpu")
    for batch in (1, 8):
        cells = []
        for precision in PRECISIONS:
            with in_format(precision, device) as form:
                case = Case(suite="opponents", phase="decode", depth=3, batch_size=batch, seq_len=64, precision=precision)
                work = Workload(case, device, form, Clock(device))
                cells.append(told(*in_turn(lambda work=work: many(work.step), by_hand(case), seconds)))
        yield f"| {batch} | {' | '.join(cells)} |"


def many(step: Step, count: int = 64) -> None:
    """A stream's worth of steps."""
    for _ in range(count):
        step()


def by_hand(case: Case) -> Step:
    """Three cells, one after another, over a sequence."""
    layers = [nn.LSTMCell(case.input_size, case.hidden_size) for _ in range(case.depth)]
    x = torch.randn(case.seq_len, case.batch_size, case.input_size)

    def stream() -> None:
        states = [(torch.zeros(case.batch_size, case.hidden_size),) * 2 for _ in layers]
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=case.precision == "bf16"):
            for one in x:
                h = one
                for number, layer in enumerate(layers):
                    states[number] = layer(h, states[number])
                    h = states[number][0]

    return stream


def main(seconds: float) -> None:
    """Measure, print, and replace what stands between the marks."""
    lines = [f"{torch.get_num_threads()} threads, torch {torch.__version__}; median over rounds in turn, the middle half in brackets.\n"]
    for part in (deeper, windows, recurrences, decoding):
        for line in part(seconds):
            print(line, flush=True)
            lines.append(line)
    head, _, rest = PAGE.read_text().partition(MARK)
    PAGE.write_text(head + MARK + "\n" + "\n".join(lines) + "\n\n" + END + rest.partition(END)[2])


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 4.0)
