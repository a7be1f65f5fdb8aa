"""A cluster of four nodes on this machine: a head without cores, two machines of type a, one of type b."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ray.tools import SETTINGS, Nodes, marked

NODES = {"head": (0, {}), "a1": (1, {"machine": "a"}), "a2": (1, {"machine": "a"}), "b1": (1, {"machine": "b"})}


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    """Each node has a folder of locks of its own, as another machine has. The folder's path is short: Ray puts sockets there."""
    home = Path(tempfile.mkdtemp(prefix="rb-ray-", dir="/tmp"))
    (home / "ray").mkdir()
    before = dict(os.environ)
    os.environ.update(SETTINGS, RAY_TMPDIR=str(home), RNNBENCH_TEST_HOME=str(home), OMP_NUM_THREADS="1")
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    try:
        for name, (cores, labels) in NODES.items():
            os.environ["RNNBENCH_LOCKS"] = str(home / name)
            (home / name).mkdir()
            plain = {"include_dashboard": False} if name == "head" else {}
            cluster.add_node(num_cpus=cores, labels=labels, object_store_memory=80 * 2**20, **plain)
        os.environ.clear()
        os.environ.update(before)
        yield Nodes(cluster.address, home, cluster)
    finally:
        os.environ.clear()
        os.environ.update(before)
        cluster.shutdown()
        for one in marked("RNNBENCH_TEST_HOME", str(home)):  # helpers of Ray that would stay for minutes
            one.kill()
        shutil.rmtree(home, ignore_errors=True)
