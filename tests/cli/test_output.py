"""Where standard output cannot take what a command prints: a full device, a reader that has gone, a closed stream."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import environment

PRINTING = (("--help",), ("--version",), ("list",), ("compare", "--help"), ())


def ended(*words, stdout, stderr=subprocess.PIPE, cwd=None):
    """A command whose standard output is somewhere else."""
    return subprocess.run([sys.executable, "-m", "rnnbench", *words], stdout=stdout, stderr=stderr, env=environment(), cwd=cwd, check=False)


@pytest.mark.parametrize("words", PRINTING)
def test_a_full_device_ends_in_one_sentence_and_1(words):
    """Also where Python would write its buffer only at the end."""
    with Path("/dev/full").open("w") as full:
        done = ended(*words, stdout=full)
    (line,) = done.stderr.decode().splitlines()
    assert line == "rnnbench: cannot write to standard output: No space left on device; what was printed is not complete"
    assert done.returncode == 1


@pytest.mark.parametrize("words", PRINTING)
def test_a_reader_that_has_gone_is_no_mistake(words):
    """As after `| head`: nothing is said, and the status is what the shell gives of a tool that SIGPIPE ended."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        done = ended(*words, stdout=pipe)
    assert (done.stderr, done.returncode) == (b"", 141)


def test_a_closed_standard_output_is_no_mistake(tmp_path):
    """`>&-` asks for silence."""
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m rnnbench list >&-'], stderr=subprocess.PIPE, env=environment(), cwd=tmp_path, check=False
    )
    assert (done.stderr, done.returncode) == (b"", 0)


def test_a_full_standard_error_does_not_change_the_status():
    """A mistake in use still ends with 2."""
    with Path("/dev/full").open("w") as full:
        assert ended("--nonsense", stdout=subprocess.PIPE, stderr=full).returncode == 2
