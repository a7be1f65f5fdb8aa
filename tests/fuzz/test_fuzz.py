"""Whatever lies in a results folder, a file of data, the environment or an expression: work or one sentence, never a traceback.

A few examples each; `python docs/evidence/fuzz.py --minutes 10` tries many.
"""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.targets import TARGETS

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # no search for the smallest example: the script does that


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_input_is_met_politely(name):
    """No traceback, no file elsewhere, nothing that a terminal, a page or a spreadsheet obeys."""
    target = TARGETS[name]
    tuned = settings(max_examples=target.few, deadline=None, suppress_health_check=list(HealthCheck), phases=QUICK)
    tuned(given(target.data)(target.check))()
