"""Every kernel compiled ahead of time for GPUs that are not here, with the arguments that the variants pass."""

from tests.kernels.parts import KERNELS  # first: it skips where Triton is not installed

# isort: split
import json
import os
import subprocess
import sys

import pytest

from rnnbench.variants.kernels.traffic import FORWARD
from tests.tools import ROOT

REGISTERS = 255  # that a thread can have; beyond, ptxas spills


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    """What ptxas made of each kernel of each variant, in each format, for sm_80 and sm_90. Not interpreted, so in a process of its own."""
    plain = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "tests.kernels.compile_all"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=plain, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_every_variant_with_kernels_compiles(rows):
    """In fp32, bf16 and fp16, for compute capability 8.0 and 9.0."""
    found = {(row["variant"], row["format"], row["capability"]) for row in rows}
    assert found == {(name, form, capability) for name in KERNELS for form in ("fp32", "bf16", "fp16") for capability in (80, 90)}


def test_nothing_spills(rows):
    """No kernel keeps anything in local memory or on a stack."""
    assert [row for row in rows if row["local"] or row["stack"] or row["registers"] > REGISTERS] == []


def test_loads_of_a_walk_through_time_are_in_flight_ahead(rows):
    """The kernels that walk through time load by asynchronous copies; only weights, read once, are loaded in place."""
    walks = [row for row in rows if row["kernel"].startswith(("linear_rnn", "sru"))]
    assert walks
    assert [row for row in walks if not row["copies"] or row["loads"] > FORWARD[row["variant"]].weights] == []
