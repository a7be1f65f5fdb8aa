"""Launches, registers and least times of the Triton kernels: the first table of docs/performance.md. Needs Triton and no GPU.

    python docs/evidence/kernels.py

Launches and bytes are by the formulas that tests/kernels holds against what the interpreter counts; registers are ptxas's.
"""

import json
import subprocess
import sys
from pathlib import Path

from rnnbench.datasheets import LAUNCH_S, MACHINES
from rnnbench.variants.kernels.traffic import BACKWARD, FORWARD, STEP_BACKWARD, STEP_FORWARD, STEP_LAUNCHES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/performance.md"
MARK = "<!-- written by docs/evidence/kernels.py: run it, do not edit between this and the next mark -->\n"
END = "<!-- end of kernels -->\n"
BATCH, SIZE, STEPS, ITEM_BYTES = 32, 256, 1024, 2
GPUS = ("h100", "a100", "l40s")
WAYS = ("forward", "backward")


def compiled() -> list[dict]:
    """What ptxas made of each kernel."""
    command = [sys.executable, "-m", "tests.kernels.compile_all"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout)


def registers(rows: list[dict], name: str, way: str) -> str:
    """Of a thread, fewest to most over formats, hidden sizes and both capabilities."""
    found = sorted(row["registers"] for row in rows if row["variant"] == name and row["kernel"].endswith(way))
    return str(found[0]) if found[0] == found[-1] else f"{found[0]} to {found[-1]}"


def microseconds(moved_bytes: float) -> list[str]:
    """The least time of moving so much, on each GPU by its data sheet."""
    return [f"{1e6 * moved_bytes / MACHINES[gpu].ceilings.copy_bytes_per_s:,.0f}" for gpu in GPUS]


def recurrences(rows: list[dict]) -> list[str]:
    """One launch each way."""
    lines = []
    for name in FORWARD:
        for way, table in zip(WAYS, (FORWARD, BACKWARD), strict=True):
            shape = (STEPS, BATCH, SIZE, ITEM_BYTES)
            moved, least = table[name].bytes_moved(*shape), table[name].least_bytes(*shape)
            cells = (f"`{name}`", way, "1 in all", f"{moved / 2**20:.1f}", f"{moved / least:.2f}", registers(rows, name, way))
            lines.append(" | ".join((*cells, *microseconds(moved))))
    return lines


def steps(rows: list[dict]) -> list[str]:
    """Two launches a step each way."""
    lines = []
    for name in STEP_FORWARD:
        for way, table in zip(WAYS, (STEP_FORWARD, STEP_BACKWARD), strict=True):
            moved = STEPS * table[name].bytes_moved(BATCH, SIZE, ITEM_BYTES)
            cells = (f"`{name}`", way, f"{STEP_LAUNCHES} a step", f"{moved / 2**20:.1f}", "", registers(rows, name, way))
            lines.append(" | ".join((*cells, *microseconds(moved))))
    return lines


def main() -> None:
    """Replace what stands between the marks."""
    rows = compiled()
    spilled = [row for row in rows if row["local"] or row["stack"]]
    heads = ["variant", "pass", "launches", "MiB moved", "÷ least", "registers", *(f"{MACHINES[gpu].name}, µs" for gpu in GPUS)]
    graph_free = STEPS * STEP_LAUNCHES * LAUNCH_S
    lines = [
        f"One layer of {SIZE}, one direction, batch {BATCH}, {STEPS:,} steps, bf16.",
        "The last columns are the bytes over the data-sheet bandwidth.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *(f"| {line} |" for line in (*recurrences(rows), *steps(rows))),
        "",
        f"{len(rows)} compilations for compute capability 8.0 and 9.0, {len(spilled)} with spilled registers.",
        f"Two launches a step at {1e6 * LAUNCH_S:.0f} µs each are {1e3 * graph_free:.0f} ms of a pass: `execution=cudagraph` removes them.",
    ]
    head, _, rest = PAGE.read_text().partition(MARK)
    PAGE.write_text(head + MARK + "\n" + "\n".join(lines) + "\n\n" + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
