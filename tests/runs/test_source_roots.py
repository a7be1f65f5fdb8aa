"""Which packages of a revision are imported."""

import pytest

from rnnbench.errors import UsageError
from rnnbench.runs.source_roots import check_origins, source_roots
from tests.tools import git

FLAT, SOURCES = [""], ["src", ""]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ("", FLAT),
        ("no toml [", FLAT),
        ('tool = "x"', FLAT),
        ('[tool.setuptools.packages.find]\nwhere = ["python"]', ["", "python"]),
        ('[tool.setuptools.package-dir]\n"" = "python"', ["", "python"]),
        ('[tool.setuptools.package-dir]\nmypkg = "python/mypkg"', ["", "python"]),
        ('[[tool.poetry.packages]]\ninclude = "mypkg"\nfrom = "python"', ["", "python"]),
        ('[tool.hatch.build.targets.wheel]\npackages = ["python/mypkg"]', ["", "python"]),
        ('[tool.pdm.build]\npackage-dir = "python"', ["", "python"]),
        ('[tool.uv.build-backend]\nmodule-root = "python"', ["", "python"]),
        ('[tool.maturin]\npython-source = "python"', ["", "python"]),
        ('[tool.maturin]\npython-source = "../elsewhere"', FLAT),
        ('[tool.maturin]\npython-source = "absent"', FLAT),
    ],
)
def test_build_settings_name_the_folder(tmp_path, settings, wanted):
    """Of each build tool; folders that are not there, or not of the checkout, are none."""
    (tmp_path / "place/python/mypkg").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "place/pyproject.toml").write_text(settings)
    assert source_roots(tmp_path / "place") == [tmp_path / "place" / one for one in wanted]


def test_src_comes_first(tmp_path):
    """As an installation would have it."""
    (tmp_path / "src").mkdir()
    assert source_roots(tmp_path) == [tmp_path / "src", tmp_path]


def test_a_package_from_elsewhere_is_refused(tmp_path):
    """Where the checkout holds one of that name; another's package, or one inside another, is nobody's business."""
    place, installed = tmp_path / "place", tmp_path / "site-packages"
    for name in ("lib/mypkg", "lib/mypkg/torch"):
        (place / name).mkdir(parents=True, exist_ok=True)
        (place / name / "__init__.py").touch()
    git(place, "init", "-q")
    git(place, "add", "--all")
    check_origins("A", place, {"mypkg": str(place / "lib/mypkg/__init__.py"), "torch": str(installed / "torch/__init__.py")})
    with pytest.raises(UsageError, match=r"A: 'mypkg' was loaded from '.*site-packages.*', not from 'lib/mypkg' of the revision"):
        check_origins("A", place, {"mypkg": str(installed / "mypkg/__init__.py")})
