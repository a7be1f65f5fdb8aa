"""What is handed to users: the constraints, the wheel, and a run from the wheel away from the clone."""

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.limits import hung_s

CLONE = Path(__file__).parent.parent
PACKAGE = CLONE / "rnnbench"


def closure(names: list[tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    """Name → version of every installed distribution that `names` (with extras) need here."""
    found: dict[str, str] = {}
    met: set[tuple[str, tuple[str, ...]]] = set()
    left = list(names)
    while left:
        name, extras = one = left.pop()
        if one in met:
            continue
        met.add(one)
        distribution = metadata.distribution(name)
        found[canonicalize_name(name)] = distribution.version
        needs = [Requirement(text) for text in distribution.requires or []]
        left += [(one.name, tuple(sorted(one.extras))) for one in needs if applies(one, extras)]
    return found


def applies(requirement: Requirement, extras: tuple[str, ...]) -> bool:
    return requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def constraints(path: Path = CLONE / "constraints.txt") -> dict[str, Requirement]:
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {canonicalize_name(one.name): one for one in map(Requirement, filter(None, lines))}


def test_constraints_name_every_package_that_the_tests_run_with():
    """constraints.txt pins the version of each package installed for `rnnbench[test]`."""
    pins = constraints()
    installed = {name: version for name, version in closure([("rnnbench", ("test",))]).items() if name != "rnnbench"}
    ours = {name: version for name, version in installed.items() if not re.match(r"nvidia-(?!ml-py)|cuda-|triton", name)}
    wrong = {name: version for name, version in ours.items() if name not in pins or Version(version).public not in pins[name].specifier}
    assert not wrong, f"constraints.txt lacks or contradicts what is installed: {wrong}"


def test_constraints_pin_exactly_and_name_no_place():
    """Each line of constraints.txt is `name==version`: no host, path, option or local build."""
    for one in constraints().values():
        assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(one.specifier)), one
        assert one.url is None, one


def test_the_lowest_versions_are_those_of_the_ranges():
    """tests/lowest.txt pins the first release of each lower bound in pyproject.toml, so that `tox -e lowest` tries what is promised."""
    project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [one for name in ("data", "store", "others") for one in project["optional-dependencies"][name]]
    pins = constraints(CLONE / "tests/lowest.txt")
    for one in map(Requirement, (*project["dependencies"], *extras)):
        (bound,) = one.specifier
        (pin,) = pins[canonicalize_name(one.name)].specifier
        wanted = Version(bound.version).release
        assert bound.operator == ">="
        assert Version(pin.version).release[: len(wanted)] == wanted, one


def test_every_import_is_a_declared_dependency():
    """What the package imports, pyproject.toml names: nothing is had only because something else needs it."""
    project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    ours = ("store", "others", "ray", "kernels", "notebook", "trackers")
    needed = [*project["dependencies"], *(line for extra in ours for line in extras[extra])]
    declared = {canonicalize_name(Requirement(line).name) for line in needed}
    declared |= {"mlflow"} & {name.removesuffix("-skinny") for name in declared}  # the small package holds the modules of the large one
    homes = metadata.packages_distributions()
    for module, path in imported_modules():
        if module in sys.stdlib_module_names or module == "rnnbench":
            continue
        owners = {canonicalize_name(name) for name in homes.get(module, [module])}  # an extra that is not installed has its own name
        assert owners & declared, f"{path.relative_to(CLONE)} imports {module}, from {owners or 'nowhere'}, which is not a dependency"


def imported_modules() -> Iterator[tuple[str, Path]]:
    """Top-level names that the package's files import."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((alias.name.partition(".")[0], path) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0], path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this clone, built by the build backend that is installed, without a download."""
    out = tmp_path_factory.mktemp("dist")
    sh(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(CLONE), cwd=CLONE)
    (built,) = out.glob("*.whl")
    return built


def sh(*command: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=hung_s(), stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_wheel_carries_the_suites_and_every_file_of_the_package(wheel: Path):
    """The wheel holds each file of rnnbench/, the suites inside the package, py.typed, the licence, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.endswith("/")}
    ours = {path.relative_to(CLONE).as_posix() for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    suites = {f"rnnbench/suites/{path.name}" for path in (CLONE / "suites").glob("*.py")}
    information = {name for name in held if ".dist-info/" in name}
    assert held - information == ours | suites
    assert "rnnbench/py.typed" in held
    assert any(name.endswith("/licenses/LICENSE") for name in information)
    assert any(name.endswith("/entry_points.txt") for name in information)


@pytest.fixture(scope="module")
def away(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel in it, away from the clone; heavy dependencies are lent by the environment of the tests."""
    home = tmp_path_factory.mktemp("away") / "venv"
    venv.create(home, symlinks=True)
    python = str(home / "bin" / "python")
    sh(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", str(wheel), cwd=home)
    paths = {"base": str(home), "platbase": str(home)}
    site = Path(sysconfig.get_path("purelib", vars=paths, scheme="venv"))
    lent = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (site / "lent.pth").write_text("\n".join(lent) + "\n", encoding="utf-8")
    return home


@pytest.mark.slow
def test_wheel_away_from_the_clone_runs_the_quick_preset(away: Path, tmp_path: Path):
    """`pip install rnnbench-*.whl` is enough for `rnnbench run`, which writes ./results and ./reports."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_", "TOX_", "VIRTUAL_ENV"))}
    clean = {**plain, "RNNBENCH_LOCKS": str(tmp_path)}
    ask = "from rnnbench.runs import catalog; print(catalog.suites_folder())"
    suites = sh(str(away / "bin" / "python"), "-c", ask, cwd=tmp_path, env=clean)
    assert suites.startswith(str(away)), suites
    options = ("--preset", "quick", "--set", "variant=lstm", "--set", "depth=1")
    sh(str(away / "bin" / "rnnbench"), "run", "--suite", "depth", *options, cwd=tmp_path, env=clean)
    (run,) = (path.parent for path in (tmp_path / "results").glob("*/run.json"))
    records = (run / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(records) == 4
    assert (run / "run.json").exists()
    (page,) = (tmp_path / "reports").glob("*.html")
    assert "<svg" in page.read_text(encoding="utf-8")


def test_the_licence_of_every_dependency_is_listed():
    """docs/compatibility.md has a row for each package that an installation without extras requires directly."""
    page = (CLONE / "docs/compatibility.md").read_text(encoding="utf-8")
    listed = {canonicalize_name(name) for name in re.findall(r"^\| (\S+) \| [^-]", page, re.MULTILINE)}
    stated = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert {canonicalize_name(Requirement(one).name) for one in stated} <= listed
