"""A team's repository from its first commit on: init, the gate on every commit, history, bisect. Which planted commits are named?

python docs/evidence/consumer.py            # 12 minutes on two cores

Of twelve commits the 5th makes the model 5 % slower, the 7th keeps more activations, the 9th makes it faster; the others change nothing
that is measured. The slower commit's work is calibrated here: a product of two matrices beside the cell, larger but still one operator.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

WHERE = ["--suite", "bench/bench_cell.py", "--plugin", "bench/cell_model.py", "--preset", "quick", "--threads", "1"]
SLOWER, LARGER, FASTER, COMMITS, START = 5, 7, 9, 12, 240
CELL = '''"""A cell of our own, one time step after the other."""

import torch
from torch import nn

SIDE = {side}


class Cell(nn.Module):
    def __init__(self, input_size, hidden_size, depth):
        super().__init__()
        self.cell = nn.LSTMCell(input_size, hidden_size)
        self.register_buffer("work", torch.ones(SIDE, SIDE) / SIDE)

    def forward(self, x):
        h = c = x.new_zeros(x.shape[1], self.cell.hidden_size)
        outputs = []
        for step in x:
            h, c = self.cell(step, (h, c))
            outputs.append(h)
        with torch.no_grad():
            self.work @ self.work
        y = torch.stack(outputs)
        return {output}


def make(input_size, hidden_size, depth):
    """Commit {number}."""
    return Cell(input_size, hidden_size, depth)
'''


def sh(*words: object, cwd: Path, fine: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    """A command; its exit status has to be one of `fine`."""
    paths = f"{cwd}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    env = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode not in fine:
        raise SystemExit(f"{' '.join(map(str, words))} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def rnnbench(*words: object, cwd: Path, fine: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    return sh(sys.executable, "-m", "rnnbench", *words, cwd=cwd, fine=fine)


def git(*words: object, cwd: Path) -> str:
    return sh("git", "-c", "user.name=a", "-c", "user.email=a@b", *words, cwd=cwd).stdout.strip()


def calibrated(root: Path) -> tuple[int, int, int]:
    """Sides of the matrix before, from the 5th and from the 9th commit on: 5 % of a forward pass more, then 10 % less."""
    code = """
import time, torch
from statistics import median
torch.set_num_threads(1)
for side in range(32, 512, 4):
    one, spans = torch.ones(side, side), []
    for _ in range(25):
        begin = time.perf_counter(); one @ one; spans.append(time.perf_counter() - begin)
    print(side, median(spans))
"""
    lines = sh(sys.executable, "-c", code, cwd=root).stdout.splitlines()
    takes_s = {int(side): float(seconds) for side, seconds in map(str.split, lines)}
    words = ("--select", 'phase == "forward"', "--no-report", "--json", "--results", root.parent / "calibration")
    told = json.loads(rnnbench("run", *WHERE, *words, cwd=root).stdout)
    step_s = next(one["metrics"]["step_time_s"] for one in told["records"])
    first_s = takes_s[START]
    return START, *(min(takes_s, key=lambda one: abs(takes_s[one] - first_s - share * step_s)) for share in (0.05, -0.05))


def write(root: Path, number: int, found: tuple[int, int, int]) -> None:
    """The package as of one commit."""
    side = found[0] if number < SLOWER else found[1] if number < FASTER else found[2]
    output = "y" if number < LARGER else "torch.sigmoid(y) * y"
    (root / "mycells").mkdir(exist_ok=True)
    (root / "mycells/__init__.py").touch()
    (root / "mycells/cell.py").write_text(CELL.format(side=side, output=output, number=number))


def main() -> None:
    began, home = time.monotonic(), Path(tempfile.mkdtemp())
    root = home / "repo"
    root.mkdir()
    git("init", "-q", "-b", "main", cwd=root)
    (root / "pyproject.toml").write_text('[project]\nname = "mycells"\nversion = "1"\n')
    write(root, 1, (START,) * 3)
    rnnbench("init", "--name", "cell", "--model", "mycells.cell:make", "--ci", "none", cwd=root)
    suite = root / "bench/bench_cell.py"
    suite.write_text(suite.read_text().replace("seq_len=(32, 128)", "seq_len=32"))
    git("add", "--all", cwd=root)
    git("commit", "-q", "-m", "commit 1", cwd=root)
    found = calibrated(root)
    print(f"sides of the planted products: {found}", flush=True)
    gate(root, found)
    series(root)
    bisect(root)
    print(f"{(time.monotonic() - began) / 60:.0f} min in all")
    shutil.rmtree(home)


def gate(root: Path, found: tuple[int, int, int]) -> None:
    """Every commit in turn with the one before it: exact figures and times."""
    print("| commit | exit | exact | forward | train | duet |\n| --- | --- | --- | --- | --- | --- |", flush=True)
    for number in range(2, COMMITS + 1):
        write(root, number, found)
        git("commit", "-qam", f"commit {number}", cwd=root)
        began = time.monotonic()
        words = ("--rev-a", "HEAD~1", "--results", root.parent / "duets", "--format", "json")
        done = rnnbench("duet", *WHERE, *words, cwd=root, fine=(0, 3, 4))
        told = json.loads(done.stdout)["findings"]
        steps = [one for one in told if one["metric"] == "step_time_s"]
        exact = dict.fromkeys(one["metric"] for one in told if one["verdict"] == "regressed" and one not in steps)
        times = (f"{one['verdict']} {one['ratio'] - 1:+.1%}" for one in steps)
        print(
            f"| {number} | {done.returncode} | {', '.join(exact) or 'equal'} | {' | '.join(times)} | {time.monotonic() - began:.0f} s |",
            flush=True,
        )


def series(root: Path) -> None:
    """Every commit measured as a nightly job would, and the change points that history finds."""
    spans = []
    for number in range(COMMITS):
        git("checkout", "-q", f"main~{COMMITS - 1 - number}", cwd=root)
        began = time.monotonic()
        rnnbench("run", *WHERE, "--processes", "5", "--no-report", "--results", root.parent / "nightly", cwd=root, fine=(0, 5))
        spans.append(time.monotonic() - began)
    git("checkout", "-q", "main", cwd=root)
    names = {git("rev-parse", f"main~{COMMITS - 1 - one}", cwd=root): one + 1 for one in range(COMMITS)}
    told = json.loads(rnnbench("history", "--results", root.parent / "nightly", "--format", "json", cwd=root, fine=(0, 3)).stdout)
    print(f"\nhistory, {len(spans)} runs of {median(spans):.0f} s:", flush=True)
    for one in told["series"]:
        for change in one["changes"]:
            size, first = change["after"] / change["before"] - 1, names.get(change["commits"][1])
            print(f"  {one['case']}: {one['metric']} {size:+.1%} in commit {first}", flush=True)


def bisect(root: Path) -> None:
    """The first commit that is slower, and the first that keeps more."""
    for metric in ("step_time_s", "activation_bytes"):
        began = time.monotonic()
        words = ("--metric", metric, "--results", root.parent / f"bisect-{metric}")
        done = rnnbench("bisect", f"main~{COMMITS - 1}", f"main~{COMMITS - 8}", *WHERE, *words, cwd=root, fine=(0, 4))
        print(f"\nbisect {metric}, {time.monotonic() - began:.0f} s, exit {done.returncode}:\n{done.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
