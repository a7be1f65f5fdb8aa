"""A cluster of several machines: what goes where, what is refused, and what a lost machine costs."""

import fcntl
import signal

import pytest

from rnnbench.analysis.frames import load_runs
from rnnbench.gate.side import side_of_run
from rnnbench.gate.timeline import machine_of
from tests.faults.tools import lines
from tests.limits import hung_s, until
from tests.ray.tools import FAST, SUITE, outcomes, runs, seeds
from tests.tools import command


@pytest.fixture(scope="module")
def on_a(nodes, tmp_path_factory):
    """A run on both machines of type a, with a case that raises."""
    place = tmp_path_factory.mktemp("on-a")
    done = nodes.run(place, "--on", "machine=a", *seeds(8), "--set", "variant=slow,raises", "--select", "variant == 'slow' or seed == 0")
    assert done.code == 5, done
    (run,) = runs(place)
    return place, run


def test_cases_spread_over_the_machines_of_a_label(on_a):
    """Each planned case has one record; both machines with the label took part and no other, each known with its own fingerprint."""
    _, run = on_a
    assert {one.key for one in run.records} == {(str(one.case), 0) for one in run.records}
    assert len(run.records) == len(run.planned) == 9
    assert len({one.worker for one in run.records}) == 2
    assert {one.worker for one in run.records} <= run.workers.keys()
    for told in run.workers.values():
        assert told["labels"] == {"machine": "a"}
        assert told["machine"]["cpu"]["model"]
        assert told["machine"]["ceilings"]["copy_bytes_per_s"] > 0
    assert run.arguments["placing"]["machine_type"].startswith("a #")


def test_what_a_failed_case_printed_is_at_the_head(on_a):
    """The log of a case that raised lies in the run's own folder."""
    place, run = on_a
    (failed,) = (one for one in run.records if one.status != "ok")
    assert failed.reason == "KeyError: 'no such key'"
    (log,) = place.glob(f"results/*/logs/{failed.log}")
    assert "what it printed" in log.read_text()


def test_types_are_never_mixed(nodes, tmp_path):
    """Without a choice between types of machines nothing is measured, and one sentence lists the types and the options."""
    done = nodes.run(tmp_path, *seeds(1))
    assert done.code == 2
    assert len(done.err.strip().splitlines()) == 1, done.err
    for word in ("a #", "b #", "--on", "--replicate-on-each"):
        assert word in done.err
    assert not list(tmp_path.glob("results/*/run.json"))


def test_each_type_has_a_run_of_its_own(nodes, tmp_path):
    """--replicate-on-each measures every case on every type of machine, and history keeps their series apart."""
    done = nodes.run(tmp_path, "--replicate-on-each", *seeds(3), "--json")
    assert done.code == 0, done
    assert len(done.told["runs"]) == 2
    found = runs(tmp_path)
    assert sorted(one.arguments["machine_label"] for one in found) == ["a", "b"]
    assert [len(one.records) for one in found] == [3, 3]
    assert len({machine_of(side_of_run(one)) for one in load_runs(sorted((tmp_path / "results").glob("2*")))}) == 2


def test_a_case_on_a_lost_machine_is_tried_once_more(nodes, tmp_path):
    """A worker killed in a case costs nothing: the case is measured elsewhere, and every case has one record."""
    done = nodes.run(tmp_path, "--on", "machine=a", *seeds(4), "--set", "variant=good,loses_its_machine_once")
    assert done.code == 0, done
    assert "was lost" in done.err
    assert "is tried once more" in done.err
    (run,) = runs(tmp_path)
    assert len(run.records) == len(run.planned) == 8


def test_a_case_that_loses_two_machines_is_lost(nodes, tmp_path):
    """After the second machine the case is a record `lost` with its reason; all others are measured."""
    done = nodes.run(
        tmp_path, "--on", "machine=a", *seeds(3), "--set", "variant=good,loses_its_machine", "--select", "variant == 'good' or seed == 0"
    )
    assert done.code == 5, done
    (run,) = runs(tmp_path)
    told = outcomes(run)
    assert told["good"] == ("ok", "")
    assert told["loses_its_machine"][0] == "lost"
    assert "and so was the machine that tried it first" in told["loses_its_machine"][1]
    assert len(run.records) == len(run.planned) == 4


def test_a_machine_that_is_in_use_is_refused(nodes, tmp_path):
    """Who holds the device's lock on the machine itself keeps a run out, with one sentence."""
    with (nodes.home / "b1" / "rnnbench-cpu.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = nodes.run(tmp_path, "--on", "machine=b", *seeds(1))
    assert done.code == 1, done
    assert "in use" in done.err


def test_a_killed_driver_is_taken_up_again(nodes, tmp_path):
    """SIGKILL of the driver in the middle: its stations end, and --resume measures what is left, once."""
    first = nodes.start(tmp_path, "--on", "machine=a", *seeds(12), "--set", "variant=slow")
    until(lambda: lines(tmp_path) >= 2)
    first.kill()
    first.communicate(timeout=hung_s())
    until(lambda: not nodes.stations())
    before = lines(tmp_path)
    assert 2 <= before < 12
    (run,) = runs(tmp_path)
    done = nodes.run(tmp_path, "--resume", run.id)
    assert done.code == 0, done
    (run,) = runs(tmp_path)
    assert sorted(one.case.seed for one in run.records) == list(range(12))
    assert {one.worker for one in run.records} <= run.workers.keys()


def test_ctrl_c_keeps_what_is_done(nodes, tmp_path):
    """SIGINT ends the run with exit code 130 and a closed run.json; no station is left."""
    first = nodes.start(tmp_path, "--on", "machine=a", *seeds(12), "--set", "variant=slow")
    until(lambda: lines(tmp_path) >= 2)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=hung_s())
    assert first.returncode == 130
    (run,) = runs(tmp_path)
    assert run.interrupted
    assert run.finished_utc
    until(lambda: not nodes.stations())


def test_an_unknown_label_is_told(nodes, tmp_path):
    """A label that no machine has ends in one sentence that lists the labels there are."""
    done = nodes.run(tmp_path, "--on", "machine=z", *seeds(1))
    assert done.code == 1
    assert "machine=a, machine=b" in done.err


def test_the_record_of_a_run_here_is_the_same_but_for_its_worker(on_a, tmp_path):
    """A record from a cluster has the fields and metrics that one made here has."""
    assert command("run", *SUITE, *FAST, "--set", "variant=slow", *seeds(1), cwd=tmp_path, OMP_NUM_THREADS="1").code == 0
    (here,) = runs(tmp_path)[0].records
    there = next(one for one in on_a[1].records if one.key == here.key)
    assert there.metrics.keys() == here.metrics.keys()
    assert there.absent == here.absent
    assert (bool(there.worker), bool(here.worker)) == (True, False)
