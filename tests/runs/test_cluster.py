"""What a cluster's nodes offer and which machines are alike, from the plain values that Ray tells; options that do not fit together."""

import socket

import pytest

from rnnbench.cli.run import _on_each
from rnnbench.errors import NoCluster, NoWorkers, UsageError
from rnnbench.runs.cluster.link import connected
from rnnbench.runs.cluster.slots import machine_type, slots
from rnnbench.runs.executors import executor_of
from rnnbench.runs.request import Request
from tests.tools import command


def node(name: str = "a", cpus: float = 8, gpus: float = 0, alive: bool = True, **labels: str) -> dict:
    return {
        "NodeID": f"{name}-id",
        "NodeManagerHostname": name,
        "Alive": alive,
        "Resources": {"CPU": cpus, **({"GPU": gpus} if gpus else {})},
        "Labels": {"ray.io/node-id": f"{name}-id", **labels},
    }


def asked(**more) -> Request:
    return Request(suites=("depth",), executor="ray", **more)


PLACES = {
    "a node to itself": ([node()], {}, [(8, 0, None, 0)]),
    "a node to itself, on few cores": ([node()], {"cores": 2}, [(8, 0, 2, 0)]),
    "shared, as many as have cores": ([node()], {"cores": 3, "share": True}, [(3, 0, 3, 0), (3, 0, 3, 1)]),
    "shared, a core each": ([node(cpus=2)], {"share": True}, [(1, 0, 1, 0), (1, 0, 1, 1)]),
    "a head without cores takes none": ([node("head", cpus=0), node("b")], {}, [(8, 0, None, 0)]),
    "a dead node takes none": ([node(alive=False), node("b")], {}, [(8, 0, None, 0)]),
    "one GPU, all the cores": ([node(gpus=1)], {}, [(8, 1, None, 0)]),
    "a case for each GPU, with its share of the cores": ([node(gpus=2)], {}, [(4, 1, 4, 0), (4, 1, 4, 1)]),
    "where GPUs are, a node without any is left out": ([node("cpu"), node("gpu", gpus=1)], {}, [(8, 1, None, 0)]),
    "unless the CPU is asked for": ([node("gpu", gpus=1)], {"device": "cpu"}, [(8, 0, None, 0)]),
    "by label": ([node("a", machine="x"), node("b", cpus=4, machine="y")], {"on": ("machine=y",)}, [(4, 0, None, 0)]),
}


@pytest.mark.parametrize("name", PLACES)
def test_places(name):
    """Ray's account of its nodes becomes places: cores and GPUs set aside, cores a case is confined to, number on the node."""
    nodes, more, wanted = PLACES[name]
    assert [(one.cpus, one.gpus, one.cores, one.index) for one in slots(nodes, asked(**more))] == wanted


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"on": ("machine=z",)}, "machine=x"),
        ({"cores": 99}, "99 CPU cores"),
        ({"device": "cuda"}, "a GPU"),
        ({"on": ("machine",)}, "LABEL=VALUE"),
    ],
)
def test_no_place_is_told_with_what_there_is(more, told):
    """A request that no node can take is refused in one sentence."""
    with pytest.raises((NoWorkers, UsageError), match=told):
        slots([node(machine="x")], asked(**more))


def test_machines_are_of_one_type_where_all_that_must_agree_does():
    """Host name and clock do not part two machines; a label, a version and a thread count do."""
    machine = {
        "hostname": "a",
        "cpu": {"model": "C", "usable": 2, "mhz": 1},
        "gpus": [],
        "torch": {"threads": 2},
        "packages": {"torch": "1"},
    }
    cpu = machine["cpu"]
    name = machine_type(machine, {})
    assert name == machine_type({**machine, "hostname": "b", "cpu": {**cpu, "mhz": 2}}, {"rack": "7"})
    assert name.startswith("C #")
    others = [machine_type({**machine, **more}, {}) for more in ({"torch": {"threads": 1}}, {"packages": {"torch": "2"}})]
    assert len({name, *others, machine_type(machine, {"machine": "x"})}) == 4


@pytest.mark.parametrize("address", ["nowhere", "ray://host:10001", "host:", "127.0.0.1:many"])
def test_an_address_that_is_none_is_refused(address):
    """What is neither auto nor HOST:PORT is refused before Ray is imported."""
    with pytest.raises(NoCluster, match="HOST:PORT"), connected(address):
        pass


def test_an_address_where_nobody_answers_is_told_in_one_sentence(tmp_path):
    """Exit code 2 and one line, within seconds; nothing is written."""
    with socket.socket() as taken:  # bound and not listening
        taken.bind(("127.0.0.1", 0))
        done = command("run", "--suite", "depth", "--executor", "ray", "--address", f"127.0.0.1:{taken.getsockname()[1]}", cwd=tmp_path)
    assert done.code == 2
    assert len(done.err.strip().splitlines()) == 1
    assert "nothing answers there" in done.err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"cores": 2}, "--executor ray"),
        ({"replicate_on_each": True}, "--executor ray"),
        ({"executor": "slurm"}, "local, ray"),
        ({"executor": "ray", "pin": "0"}, "--cores"),
        ({"executor": "ray", "device": "cuda:1"}, "Ray chooses which"),
    ],
)
def test_options_that_do_not_fit_are_told(more, told, tmp_path):
    """Each is refused before anything is started, and the sentence says what would do."""
    with pytest.raises(UsageError, match=told):
        executor_of(Request(suites=("depth",), **more), tmp_path)


def test_a_run_on_each_type_is_taken_up_by_itself():
    """--replicate-on-each with --resume is refused."""
    with pytest.raises(UsageError, match="--resume"):
        list(_on_each(asked(replicate_on_each=True, resume="x")))
