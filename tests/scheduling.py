"""How xdist shares the tests out: a file at a time, the pages of the documentation one by one, and the longest first.

A long file that begins last leaves the other workers idle. xdist orders files by their number of tests, which says little here.
"""

from collections import OrderedDict
from typing import Any

import pytest

PAGES = "tests/docs/test_slow_blocks.py::test_every_command_of_a_page_runs"
LONGEST = (
    *(f"{PAGES}[{page}.md]" for page in ("convergence", "own-model", "tutorial", "extending")),
    "tests/suites/test_on_toy.py",
    "tests/measure/test_pytest_options.py",
    "tests/own/test_examples.py",
    "tests/gate/test_commands.py",
    "tests/measure/test_plugin.py",
    "tests/gate/test_bisect.py",
    "tests/cli/test_mistakes.py",
    "tests/test_docs.py",
    "tests/reports/test_page.py",
    "tests/own/test_command.py",
    "tests/runs/test_run.py",
    "tests/own/test_measure.py",
    "tests/scaffold/test_init.py",
)
"""By their seconds in the last whole run that was timed with --durations=0; others follow."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The scheduler for --dist=loadfile."""
    if config.getoption("dist", "") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class LongestFirst(LoadFileScheduling):
        ordered = False

        def _split_scope(self, nodeid: str) -> str:
            return nodeid if nodeid.startswith(PAGES) else super()._split_scope(nodeid)

        def _assign_work_unit(self, node: Any) -> None:
            if not self.ordered:
                at = {scope: place for place, scope in enumerate(LONGEST)}
                self.workqueue = OrderedDict(sorted(self.workqueue.items(), key=lambda unit: at.get(unit[0], len(at))))
                self.ordered = True
            super()._assign_work_unit(node)

    return LongestFirst(config, log)
