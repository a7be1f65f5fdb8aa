"""Two real processes that take turns: one at a time, equally often, and the one that is left goes on alone."""

import json
import multiprocessing
import os
import time
from itertools import groupby, pairwise

import pytest

from rnnbench.device.devices import Clock, Device
from rnnbench.measure.interleaving import BLOCK_S, TurnFiles, Turns

STEP_S = 0.004
FORK = multiprocessing.get_context("forkserver")  # the process that runs the tests has threads
FORK.set_forkserver_preload([__name__])


def works(told: dict, path, steps: int, dies_at: int | None = None) -> None:
    """One side: notes the beginning and end of each step."""
    turns, clock, spans = Turns.of(told), Clock(Device("cpu")), []

    def step() -> None:
        if len(spans) == dies_at:
            os._exit(1)
        begin = time.monotonic()
        time.sleep(STEP_S)
        spans.append((begin, time.monotonic()))

    in_turn, taken = turns.shared(step, clock, STEP_S), []
    for _ in range(steps):
        before = clock()
        in_turn()
        taken.append(clock() - before)
    turns.rounds_are_over()
    path.write_text(json.dumps({"spans": spans, "taken": taken}))


def play(folder, *sides: dict, most_wait_s: float = 30.0, started: int = 2) -> list[dict | None]:
    """Both sides at work until they have ended; what each noted."""
    batons = TurnFiles(folder, most_wait_s)
    paths = [folder / f"{which}.json" for which in (0, 1)]
    going = [
        FORK.Process(target=works, args=(batons.for_job(which, first=which == 0), paths[which]), kwargs=sides[which])
        for which in range(started)
    ]
    for one in going:
        one.start()
    left = dict(enumerate(going))
    while left:
        for which, one in list(left.items()):
            one.join(0.01)
            if one.exitcode is not None:
                batons.ended(which)
                del left[which]
    batons.close()
    return [json.loads(path.read_text()) if path.exists() else None for path in paths]


def turns(found: list[dict]) -> list[tuple[int, int]]:
    """Side and number of steps of each turn, in order of time."""
    steps = sorted((begin, end, side) for side, one in enumerate(found) for begin, end in one["spans"])
    assert all(end <= begin for (_, end, _), (begin, _, _) in pairwise(steps))
    return [(side, len(list(group))) for side, group in groupby(side for _, _, side in steps)]


def test_one_works_at_a_time_and_turns_are_short(tmp_path):
    """No step of one side overlaps one of the other; turns change about every BLOCK_S; waiting is off the clock."""
    found = play(tmp_path, {"steps": 40}, {"steps": 40})
    changes = turns(found)
    assert len(changes) >= 8
    assert max(count for _, count in changes[:-2]) <= BLOCK_S / STEP_S + 2
    ends = [moment for one in found for span in one["spans"] for moment in span]
    assert sum(map(sum, (one["taken"] for one in found))) < 1.5 * (max(ends) - min(ends))


def test_who_is_done_first_lets_the_other_finish(tmp_path):
    """The side with fewer rounds is silent until the other's are over."""
    short, long = play(tmp_path, {"steps": 10}, {"steps": 60})
    assert len(short["taken"]) == 10
    assert len(long["taken"]) == 60
    turns([short, long])


@pytest.mark.parametrize("side", [0, 1])
def test_who_is_left_goes_on_alone(tmp_path, side):
    """A side that dies in the middle of its turn takes only itself."""
    sides: list[dict] = [{"steps": 40}, {"steps": 40}]
    sides[side]["dies_at"] = 12
    found = play(tmp_path, *sides)
    assert found[side] is None
    assert len(found[1 - side]["taken"]) == 40


def test_silence_ends_the_waiting(tmp_path):
    """Where the other never comes, a side goes on after the longest wait."""
    start_s = time.monotonic()
    found = play(tmp_path, {"steps": 5}, {"steps": 5}, most_wait_s=0.3, started=1)
    assert len(found[0]["taken"]) == 5
    assert time.monotonic() - start_s >= 0.3


def test_what_was_meant_for_an_earlier_pair_is_forgotten(tmp_path):
    """A word that nobody read does not reach the next pair: its second side waits."""
    batons = TurnFiles(tmp_path, 0.2)
    batons.ended(0)
    batons.clear()
    start_s = time.monotonic()
    Turns.of(batons.for_job(1, first=False))
    assert time.monotonic() - start_s >= 0.2
    batons.close()
