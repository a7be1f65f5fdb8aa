"""Everything in this folder needs the CUDA stand-in under torch's CUDA build: `tox -e standin`."""

import pytest

from tests.standin.support import HERE, libraries


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where the stand-in is not built, one skipped test says so for all of them."""
    ours = [one for one in items if HERE in one.path.parents]
    if not ours or libraries() is not None:
        return
    ours[0].add_marker(pytest.mark.skip(reason="all of tests/standin: the CUDA stand-in is not built here, see its README.md"))
    config.hook.pytest_deselected(items=ours[1:])
    items[:] = [one for one in items if one not in ours[1:]]
