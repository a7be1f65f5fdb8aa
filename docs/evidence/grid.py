"""A plan, not a measurement: 100,000 cases on 64 GPUs, as a queue of events. `python docs/evidence/grid.py RUN [RUN …] [--gpus 64]`.

How long cases take is drawn from the records of real runs; what a record costs the head to write is measured here, on the same records.
All else is assumed, stands in `Grid`, and can be said otherwise on the command line. Needs numpy alone."""

import argparse
import dataclasses
import heapq
import json
import os
import tempfile
import time
from collections import Counter, deque
from datetime import datetime
from pathlib import Path

import numpy as np

HOUR_S = 3600.0
GPUS_A_NODE = 8
SAMPLE = 300  # records written to learn what one costs
SEEDS = 5


@dataclasses.dataclass(frozen=True)
class Grid:
    """What was measured (the first four), and what is assumed."""

    durations_s: np.ndarray  # of real cases, from begin to record
    journal_s: float  # of the head, for one record: a line and its fsync
    record_bytes: float
    start_s: float  # of the worker, between one case's record and the next case's begin: a fork, pytest's start
    cases: int = 100_000
    gpus: int = 64
    dispatch_s: float = 0.005  # of the head, for each case: choose a worker and tell it
    crash_share: float = 0.002  # cases whose process dies, half way on average
    hang_share: float = 0.0005  # cases that take the whole time limit
    limit_s: float = 300.0
    node_mtbf_h: float = 500.0  # hours between two losses of one node of eight GPUs, on average
    node_away_s: float = 600.0
    tries: int = 2  # of a case whose node was lost

    @property
    def nodes(self) -> int:
        return -(-self.gpus // GPUS_A_NODE)

    @property
    def head_s(self) -> float:
        """What the head does for one case, one after another."""
        return self.journal_s + self.dispatch_s


@dataclasses.dataclass(frozen=True)
class Played:
    """How one play went."""

    wall_s: float
    worked_s: float
    head_s: float
    tail_s: float  # from the first GPU without work to the end
    ends: Counter

    def busy(self, grid: Grid) -> float:
        return self.worked_s / (self.wall_s * grid.gpus)


class Play:
    """One play of a grid. Events are a case's end, a node's loss and a GPU's return; the head serves one case at a time, in their order."""

    def __init__(self, grid: Grid, seed: int, *, longest_first: bool) -> None:
        self.grid, self.luck = grid, np.random.default_rng(seed)
        self.takes = self.luck.choice(grid.durations_s, grid.cases) + grid.start_s
        fate = self.luck.random(grid.cases)
        self.crashes, self.hangs = fate < grid.crash_share, fate > 1 - grid.hang_share
        self.takes[self.crashes] *= self.luck.random(int(self.crashes.sum()))
        self.takes[self.hangs] = grid.limit_s + grid.start_s
        order = np.argsort(-self.takes) if longest_first else self.luck.permutation(grid.cases)
        self.waiting, self.tried, self.ends = deque(order.tolist()), Counter(), Counter()
        self.events: list[tuple[float, int, str, int]] = []
        self.at: list[int | None] = [None] * grid.gpus  # the case of each GPU
        self.turn = [0] * grid.gpus  # an event of an older turn of its GPU is void
        self.back_s = [0.0] * grid.gpus
        self.head_free_s = self.head_s = self.worked_s = 0.0
        self.idle_s: float | None = None

    def played(self) -> Played:
        """Until every case has ended."""
        for node in range(self.grid.nodes):
            self.lose_later(0.0, node)
        for gpu in range(self.grid.gpus):
            self.give(gpu, 0.0)
        now_s, left = 0.0, self.grid.cases
        while left:
            now_s, turn, kind, which = heapq.heappop(self.events)
            if kind == "loss":
                left -= self.lose(which, now_s)
            elif turn == self.turn[which]:
                if kind == "end":
                    self.end(which)
                    left -= 1
                    now_s = self.serve(now_s, self.grid.journal_s)
                self.give(which, now_s)
        self.ends["begun again"] = sum(self.tried.values())
        idle_s = now_s if self.idle_s is None else self.idle_s
        return Played(now_s, self.worked_s, self.head_s, now_s - idle_s, self.ends)

    def serve(self, now_s: float, cost_s: float) -> float:
        """When the head has done something that it is asked now."""
        self.head_free_s = max(now_s, self.head_free_s) + cost_s
        self.head_s += cost_s
        return self.head_free_s

    def give(self, gpu: int, now_s: float) -> None:
        """The next case to a GPU, if one is left; else it looks again once others have given theirs back."""
        self.at[gpu] = None
        if not self.waiting:
            self.idle_s = now_s if self.idle_s is None else self.idle_s
            return
        self.at[gpu] = case = self.waiting.popleft()
        self.turn[gpu] += 1
        starts_s = self.serve(now_s, self.grid.dispatch_s)
        heapq.heappush(self.events, (starts_s + self.takes[case], self.turn[gpu], "end", gpu))

    def end(self, gpu: int) -> None:
        case = self.at[gpu]
        self.worked_s += self.takes[case]
        self.ends["hung" if self.hangs[case] else "crashed" if self.crashes[case] else "measured"] += 1

    def lose(self, node: int, now_s: float) -> int:
        """A node goes and comes back later. Its cases are begun again elsewhere; returns how many were lost for the last time."""
        gone = 0
        for gpu in range(node * GPUS_A_NODE, min(self.grid.gpus, (node + 1) * GPUS_A_NODE)):
            case, self.at[gpu] = self.at[gpu], None
            self.turn[gpu] += 1
            self.back_s[gpu] = now_s + self.grid.node_away_s
            heapq.heappush(self.events, (self.back_s[gpu], self.turn[gpu], "back", gpu))
            if case is None:
                continue
            self.tried[case] += 1
            if self.tried[case] < self.grid.tries:
                self.waiting.appendleft(case)
            else:
                self.ends["lost"] += 1
                gone += 1
        self.lose_later(now_s, node)
        for gpu in (gpu for gpu in range(self.grid.gpus) if self.at[gpu] is None and self.back_s[gpu] <= now_s):
            self.give(gpu, now_s)
        return gone

    def lose_later(self, now_s: float, node: int) -> None:
        heapq.heappush(self.events, (now_s + self.luck.exponential(self.grid.node_mtbf_h * HOUR_S), 0, "loss", node))


def durations(folders: list[Path]) -> tuple[np.ndarray, float, list[bytes]]:
    """Seconds from begin to record of every measured case, the median from a record to the next begin, and the lines themselves."""
    found, gaps, lines = [], [], []
    for folder in folders:
        before = None
        for line in (folder / "records.jsonl").read_bytes().splitlines(keepends=True):
            row = json.loads(line)
            began, ended = (datetime.fromisoformat(row[f"{end}_utc"]) for end in ("started", "finished"))
            if before is not None:
                gaps.append((began - before).total_seconds())
            before = ended
            if row["status"] == "ok":
                found.append((ended - began).total_seconds())
                lines.append(line)
    return np.array(found), float(np.median(gaps)), lines


def journal_s(lines: list[bytes], folder: Path) -> float:
    """Median seconds to append such a line and have it on disk."""
    spans = []
    with (folder / "records.jsonl").open("ab") as file:
        for index in range(SAMPLE):
            began = time.perf_counter()
            file.write(lines[index % len(lines)])
            file.flush()
            os.fsync(file.fileno())
            spans.append(time.perf_counter() - began)
    return float(np.median(spans))


def told(name: str, grid: Grid, *, longest_first: bool = False) -> None:
    """Print a row: medians over seeds."""
    plays = [Play(grid, seed, longest_first=longest_first).played() for seed in range(SEEDS)]
    wall, tail = (float(np.median([getattr(one, what) for one in plays])) for what in ("wall_s", "tail_s"))
    busy = np.median([one.busy(grid) for one in plays])
    head = np.median([one.head_s / one.wall_s for one in plays])
    odd = "; ".join(f"{kind} {int(np.median([one.ends[kind] for one in plays]))}" for kind in ("crashed", "hung", "begun again", "lost"))
    print(f"| {name} | {wall / HOUR_S:.2f} h | {busy:.1%} | {head:.1%} | {tail:.0f} s | {odd} |", flush=True)


def main() -> None:
    """The plan, and what changes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of real runs")
    said = [field for field in dataclasses.fields(Grid) if field.default is not dataclasses.MISSING]
    for field in said:
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    asked = vars(parser.parse_args())
    took, start_s, lines = durations(asked.pop("runs"))
    with tempfile.TemporaryDirectory() as folder:
        cost = journal_s(lines, Path(folder))
    size = float(np.mean([len(line) for line in lines]))
    grid = Grid(durations_s=took, journal_s=cost, record_bytes=size, start_s=start_s, **asked)
    ends = np.quantile(took, [0.1, 0.5, 0.9, 1.0])
    spread = f"10 % below {ends[0]:.2f} s, median {ends[1]:.2f} s, 90 % below {ends[2]:.2f} s, longest {ends[3]:.1f} s"
    print(f"{len(took)} real cases: {spread}; {grid.start_s:.2f} s between two of them")
    size_mib = grid.record_bytes * grid.cases / 2**20
    print(f"a record: {grid.record_bytes:,.0f} bytes, {cost * 1e3:.2f} ms to append; all records {size_mib:,.0f} MiB")
    mean_s = float(took.mean()) + grid.start_s
    print(f"by hand: {grid.cases * mean_s / grid.gpus / HOUR_S:.2f} h of GPUs, {grid.cases * grid.head_s / HOUR_S:.2f} h of the head;"
          f" the head is full at {mean_s / grid.head_s:,.0f} GPUs\n")  # fmt: skip
    print("| plan | wall time | GPUs busy | head busy | tail | odd ends |\n| --- | --- | --- | --- | --- | --- |")
    change = dataclasses.replace
    told("as stated", grid)
    told("longest cases first", grid, longest_first=True)
    told("4 × the GPUs", change(grid, gpus=4 * grid.gpus))
    told("16 × the GPUs", change(grid, gpus=16 * grid.gpus))
    told("the head takes 50 ms a case to dispatch", change(grid, dispatch_s=0.05))
    told("cases ten times as short", change(grid, durations_s=took / 10))
    told("one case in a hundred hangs", change(grid, hang_share=0.01))
    told("the same with --case-timeout 60", change(grid, hang_share=0.01, limit_s=60.0))
    told("nodes are lost every 10 hours", change(grid, node_mtbf_h=10.0))


if __name__ == "__main__":
    main()
