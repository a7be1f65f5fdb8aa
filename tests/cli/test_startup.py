"""Starting: help comes at once because nothing heavy is imported, and what scripts read is JSON."""

import json
import sys

import pytest

import rnnbench
from tests.tools import SUITES, command, ended

HEAVY = ("torch", "numpy", "pandas", "scipy", "matplotlib", "seaborn", "pytest")


def imported(*words: str, cwd) -> set[str]:
    """Top-level modules that a command imports, by the interpreter's own account."""
    done = ended(sys.executable, "-X", "importtime", *words, cwd=cwd)
    assert done.code == 0, done.err
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.err.splitlines() if line.startswith("import time:")}


@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), ("run", "--help"), ("list", "--help"), ("list", "suites"), ("list", "axes")]
)
def test_what_needs_no_torch_imports_none(words, tmp_path):
    """Help, the version, suites and axes are shown without importing torch or any other heavy package."""
    assert not imported("-m", "rnnbench", *words, cwd=tmp_path) & set(HEAVY)


@pytest.mark.parametrize("line", ["import rnnbench", "from rnnbench import Suite, grid, Case, Record, Run, METRICS, variant"])
def test_the_face_of_the_package_imports_no_torch(line, tmp_path):
    """What suite files and plugins import costs no torch until a model is built."""
    assert not imported("-c", line, cwd=tmp_path) & set(HEAVY)


def test_everything_that_the_package_offers_is_there():
    """Each name of rnnbench.__all__ can be had, and an unknown one raises AttributeError."""
    assert all(getattr(rnnbench, name) is not None for name in rnnbench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = rnnbench.nothing


def test_the_version_is_the_packages(tmp_path):
    """--version prints the version and leaves."""
    done = command("--version", cwd=tmp_path)
    assert (done.code, done.out.strip()) == (0, f"rnnbench {rnnbench.__version__}")


def test_help_names_every_exit_code(tmp_path):
    """The codes that scripts rely on are in the help."""
    told = " ".join(command("--help", cwd=tmp_path).out.split())
    assert all(f"{code} " in told for code in (0, 1, 2, 3, 4, 5, 130))


def test_lists_are_json_for_scripts(tmp_path):
    """list --json holds every suite, variant and axis, with the values that an axis takes."""
    told = command("list", "--json", cwd=tmp_path).told
    assert {row["name"] for row in told["suites"]} >= {path.stem.removeprefix("bench_") for path in SUITES.glob("bench_*.py")}
    assert {row["name"] for row in told["variants"]} >= {"elman", "elman_relu", "lstm", "gru"}
    axes = {row["name"]: row["values"] for row in told["axes"]}
    assert axes["precision"] == "one of fp32, tf32, bf16, fp16, pure_bf16"
    assert axes["clip_norm"].endswith("or none")
    assert not list(tmp_path.iterdir())


def test_a_dry_run_shows_the_plan_and_writes_nothing(tmp_path):
    """--dry-run gives the cases, in order, with how long they should take, and leaves no file."""
    chosen = ("--set", "variant=lstm,gru", "--set", "depth=1,2,3", "--set", "precision=fp32", "--select", 'depth < 3 and phase == "train"')
    done = command("run", "--suite", "depth", "--device", "cpu", *chosen, "--dry-run", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert [row["id"].partition("/")[2].split("-")[:3] for row in done.told["cases"]] == [
        [variant, "train", depth] for variant in ("lstm", "gru") for depth in ("L1", "L2")
    ]
    assert done.told["expected_s"] == pytest.approx(sum(row["expected_s"] for row in done.told["cases"]), abs=0.1)
    assert not list(tmp_path.iterdir())


def test_json_is_all_that_standard_output_holds(finished):
    """With --json a script can read standard output as it is; whatever is for people goes to standard error."""
    _, done = finished
    assert json.loads(done.out)["planned"] == 12
