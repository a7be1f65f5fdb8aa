"""Many cases that do nothing: all arrive once, and as many are out as there are places."""

import json
import sys

from tests.ray.tools import SETTINGS
from tests.tools import ROOT, ended


def test_hundreds_of_cases_in_bounded_memory(tmp_path):
    """300 cases leave 300 records; no more are out at a time than there are stations; the head grows by little after the first hundred."""
    script = ROOT / "docs/evidence/ray_overhead.py"
    done = ended(sys.executable, script, "dummies", "--cases", "300", cwd=tmp_path, **SETTINGS, PYTHONPATH=str(ROOT))
    assert done.code == 0, done
    told = json.loads(done.out.splitlines()[-1])
    assert told["records"] == told["distinct"] == 300
    assert told["most_out"] <= told["stations"]
    assert told["head_mib_at_end"] - told["head_mib_after"]["100"] < 20
