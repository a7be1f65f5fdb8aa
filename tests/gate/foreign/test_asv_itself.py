"""What asv itself writes, read as asv itself reads it: a run of its own, every value held against its own loader."""

import itertools
import json
import math
import sys

import pytest

from rnnbench.gate.sources import side as named
from tests.gate.sides import STEP
from tests.tools import ended, git

asv_results = pytest.importorskip("asv.results", reason="asv is not installed: tox -e thirdparty")

SUITE = """
class TimeSuite:
    def time_plain(self):
        sum(range(100))

    def time_two(self, size, name):
        sum(range(size))

    time_two.params = ([10, 1000], ["a", "it's"])
    time_two.param_names = ["size", "name"]

    def time_skips(self, size):
        pass

    def setup_skips(self, size):
        if size == 2:
            raise NotImplementedError

    time_skips.params = [1, 2]
    time_skips.setup = setup_skips

    def time_fails(self):
        raise ValueError


class Suite:
    def timeraw_import(self):
        return "import json"

    def track_count(self):
        return 5

    def mem_list(self):
        return [0] * 100

    def peakmem_list(self):
        return [0] * 100
"""
SETTINGS = {
    "version": 1,
    "project": "p",
    "repo": ".",
    "branches": ["HEAD"],
    "benchmark_dir": "marks",
    "results_dir": "found",
    "environment_type": "existing",
    "pythons": ["same"],
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The result file of `asv run` on a repository of one commit."""
    folder = tmp_path_factory.mktemp("asv")
    (folder / "marks").mkdir()
    (folder / "marks/__init__.py").touch()
    (folder / "marks/speed.py").write_text(SUITE, encoding="utf-8")
    (folder / "asv.conf.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    head = git(folder, "rev-parse", "HEAD").strip()
    asv = (sys.executable, "-m", "asv")
    ended(*asv, "machine", "--yes", cwd=folder, HOME=str(folder))
    done = ended(*asv, "run", "--quick", "--set-commit-hash", head, cwd=folder, HOME=str(folder))
    found = [path for path in (folder / "found").glob("*/*.json") if path.name != "machine.json"]
    assert len(found) == 1, done.out + done.err
    return found[0]


def test_a_real_result_is_read_as_asv_reads_it(written):
    """Each time has asv's value, a failure is failed, a skip is unsupported, and what is no time is named."""
    theirs, ours = asv_results.Results.load(str(written)), named(str(written), written.parent)
    wanted = {}
    for key in theirs.get_all_result_keys():
        params = theirs.get_result_params(key)
        names = [f"{key}({', '.join(some)})" for some in itertools.product(*params)] if params else [key]
        wanted |= dict(zip(names, theirs.get_result_value(key, params), strict=True))
    times = {name: value for name, value in wanted.items() if ".time" in name}
    assert len(times) == 1 + 4 + 2 + 1 + 1
    assert ours.cases.keys() == times.keys()
    for name, value in times.items():
        one = ours.cases[name]
        assert one.status == ("failed" if value is None else "unsupported" if math.isnan(value) else "ok")
        if one.status == "ok":
            assert one.values[STEP][0] == value
    for name in wanted.keys() - times.keys():
        assert any(name in note for note in ours.notes)


def test_a_folder_that_asv_wrote_is_one_side(written):
    """The folder of a machine, with asv's own machine.json in it, is read as its one result."""
    assert named(str(written.parent), written.parent).cases.keys() == named(str(written), written.parent).cases.keys()
