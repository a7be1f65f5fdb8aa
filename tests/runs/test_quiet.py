"""What a run says and does about other processes before its first case."""

import pytest

from rnnbench.runs.quiet import LOOKS, load_before, warning

BUSY = {"other_load_cores": 2.04, "steal_share": 0.0, "notes": ["contended: other processes kept 2.0 cores busy"]}
IDLE = {"other_load_cores": 0.01, "steal_share": 0.0, "notes": []}


class Machine:
    """Looks that come one after another, and a clock that sleeping alone moves."""

    def __init__(self, *looks):
        self.looks, self.time_s, self.said = list(looks), 0.0, []

    def look(self):
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def sleep(self, seconds):
        self.time_s += seconds

    def begin(self, wait_s=None, threads=None):
        return load_before(self.look, wait_s, threads, self.said.append, sleep=self.sleep, now=lambda: self.time_s)


def test_a_quiet_machine_is_begun_on_in_silence():
    """No word and no wait, with or without --wait-quiet."""
    machine = Machine(IDLE)
    assert (machine.begin(), machine.begin(60), machine.said, machine.time_s) == (IDLE, IDLE, [], 0)


def test_a_busy_machine_is_warned_of_once_with_three_remedies():
    """One sentence quotes the load and names --threads 1, --wait-quiet and going on."""
    machine = Machine(BUSY)
    assert machine.begin() == BUSY
    (told,) = machine.said
    assert "other processes keep 2.0 cores busy" in told
    assert all(remedy in told for remedy in ("--threads 1", "--wait-quiet", "continue, and trust only"))


@pytest.mark.parametrize(("threads", "waited_s", "absent"), [(1, None, "--threads 1"), (None, 60.0, "--wait-quiet")])
def test_a_remedy_that_was_taken_is_not_offered(threads, waited_s, absent):
    """Who runs one thread or has waited is told of the other remedies."""
    told = warning(BUSY, threads, waited_s)
    assert absent not in told
    assert "continue, and trust only" in told


def test_waiting_ends_when_several_looks_are_quiet():
    """A single quiet look between busy ones is no end of the others' work; LOOKS in a row are, and then nothing is warned of."""
    machine = Machine(BUSY, IDLE, BUSY, *[IDLE] * LOOKS, BUSY)
    assert machine.begin(600) == IDLE
    assert machine.looks == [BUSY]
    assert len(machine.said) == 1
    assert machine.said[0].startswith("waiting up to 10 min")


def test_waiting_is_bounded():
    """On a machine that never falls quiet the run begins after the stated time, with the warning."""
    machine = Machine(BUSY)
    assert machine.begin(30) == BUSY
    assert machine.time_s == 30
    assert "after 30.0 s of waiting" in machine.said[-1]
