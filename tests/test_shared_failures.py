"""A shared fixture that fails is reported once, with its cause."""

from tests.tools import ROOT, ended

MODULE = """
import pytest

@pytest.fixture(scope="session")
def broken():
    raise RuntimeError("the cause")

@pytest.mark.parametrize("number", range(5))
def test_uses_it(broken, number):
    pass
"""


def test_one_error_and_four_skips(tmp_path):
    """Of five tests on a broken session fixture one errs and four are skipped, and the session fails."""
    (tmp_path / "test_five.py").write_text(MODULE)
    done = ended("python", "-m", "pytest", "-q", "-p", "tests.shared_failures", "-c", "/dev/null", tmp_path, cwd=ROOT)
    assert done.code == 1
    assert "4 skipped, 1 error" in done.out
    assert done.out.count("RuntimeError: the cause") == 2  # in the traceback and in the summary
