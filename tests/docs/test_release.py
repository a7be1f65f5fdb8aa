"""The release: a wheel and an sdist that twine accepts, of one version, and that install and run away from the clone."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

import pytest

import rnnbench
from tests.limits import hung_s
from tests.pages import CLONE

pytest.importorskip("twine", reason="the extra `docs` is not installed")


def sh(*words: object, cwd: Path, **env: str) -> str:
    """A command that has to end well."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_", "TOX_", "VIRTUAL_ENV"))}
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env={**plain, **env}, capture_output=True, text=True, timeout=hung_s(), check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python -m build` makes: the wheel from the sdist."""
    out = tmp_path_factory.mktemp("dist")
    sh(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, CLONE, cwd=CLONE)
    return out


def test_twine_accepts_both(dist: Path):
    """The wheel's and the sdist's metadata and README are what an index takes."""
    files = sorted(dist.iterdir())
    assert {path.suffix for path in files} == {".whl", ".gz"}
    assert sh(sys.executable, "-m", "twine", "check", "--strict", *files, cwd=dist).count("PASSED") == 2


def test_the_version_has_one_place(dist: Path):
    """The files' names, the package and the changelog's newest release agree; pyproject.toml states none."""
    assert all(f"rnnbench-{rnnbench.__version__}" in path.name for path in dist.iterdir())
    assert 'dynamic = ["version"]' in (CLONE / "pyproject.toml").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(\d[^\]]*)\]", (CLONE / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest
    assert newest[1] == rnnbench.__version__


def test_the_sdist_holds_what_is_needed_to_test_it(dist: Path):
    """Code, suites, tests, pages, settings and the files about the project."""
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    about = ("tox.ini", "mkdocs.yml", "SECURITY.md", "constraints.txt")
    wanted = (*about, "tests/stored/run-1/run.json", "suites/bench_depth.py")
    assert not [name for name in wanted if name not in names]


def test_the_wheel_is_reproducible(dist: Path, tmp_path: Path):
    """A second build of the same files has the same bytes."""
    sh(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path, CLONE, cwd=CLONE)
    first, second = ({path.name: path.read_bytes() for path in folder.glob("*.whl")} for folder in (dist, tmp_path))
    assert first == second


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_each_installs_and_runs_away_from_the_clone(kind: str, dist: Path, tmp_path: Path):
    """In an environment of its own, dependencies lent by this one, `rnnbench run` measures and writes its report."""
    (path,) = dist.glob(kind)
    home = tmp_path / "venv"
    venv.create(home, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}, scheme="venv"))
    (site / "lent.pth").write_text("\n".join(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))) + "\n")
    words = ("install", "--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed", path)  # what is lent holds rnnbench too
    sh(sys.executable, "-m", "pip", "--python", home / "bin" / "python", *words, cwd=tmp_path)
    program = str(home / "bin" / "rnnbench")
    assert sh(program, "--version", cwd=tmp_path).strip() == f"rnnbench {rnnbench.__version__}"
    chosen = [word for axis in ("variant=lstm", "depth=1", "phase=train", "precision=fp32") for word in ("--set", axis)]
    words = ("run", "--suite", "depth", "--preset", "quick", *chosen, "--case-budget", "0.02")
    sh(program, *words, cwd=tmp_path, RNNBENCH_LOCKS=str(tmp_path))
    assert len(list(tmp_path.glob("results/*/records.jsonl"))) == 1
    assert len(list(tmp_path.glob("reports/*.html"))) == 1
