"""The files that `rnnbench init` writes into a repository, and what happens to each."""

import difflib
import keyword
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from rnnbench.bounded import content
from rnnbench.errors import BadValue, CannotWrite, UnknownName

BENCH = "bench"
SERVICES = ("github", "gitlab", "none")
_LARGEST = 2**20
_MODEL = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*")
_BUILDS = "nn.LSTM(case.input_size, case.hidden_size, case.depth)"


@dataclass(frozen=True, slots=True)
class Planned:
    """One file: `before` is none where there is none yet. State: new, unchanged, extended, or kept where it differs and stays as it is."""

    path: Path
    before: str | None
    after: str
    extends: bool = False

    @property
    def state(self) -> str:
        """What becomes of it."""
        if self.before is None:
            return "new"
        if self.before == self.after:
            return "unchanged"
        return "extended" if self.extends else "kept"

    def diff(self) -> str:
        """Unified, as `--diff` prints it; for a file that is kept, what the template would have."""
        name = str(self.path)
        lines = (self.before or "").splitlines(keepends=True), self.after.splitlines(keepends=True)
        return "".join(difflib.unified_diff(*lines, name if self.before is not None else "/dev/null", name))


def planned(root: Path, *, name: str, model: str, service: str, install: str, branch: str) -> list[Planned]:
    """Every file for a repository at `root`. `model` is MODULE:FUNCTION or empty for a stacked LSTM to be replaced.

    Raises UsageError for a name or a model that cannot be one, and for an unknown service."""
    if service not in SERVICES:
        raise UnknownName("--ci", service, SERVICES)
    if not name.isidentifier() or keyword.iskeyword(name):
        raise BadValue("--name", name, "a Python name, for instance tagger")
    if model and not _MODEL.fullmatch(model):
        raise BadValue("--model", model, "MODULE:FUNCTION, for instance mypkg.models:make")
    values = {"NAME": name, "BENCH": BENCH, "INSTALL": install, "BRANCH": branch, **_of_model(model)}
    return list(_files(root, values, service))


def _files(root: Path, values: Mapping[str, str], service: str) -> Iterator[Planned]:
    name = values["NAME"]
    for path, template in {
        f"{BENCH}/bench_{name}.py": "bench_model.py",
        f"{BENCH}/{name}_model.py": "model.py",
        f"{BENCH}/results/.gitignore": "gitignore",
        **{path.replace("BENCH", BENCH): template for path, template in _CI[service].items()},
    }.items():
        yield Planned(Path(path), _there(root / path), filled(template, values))
    yield from _settings(root)


_CI: Mapping[str, Mapping[str, str]] = {
    "github": {".github/workflows/rnnbench.yml": "github.yml", ".github/workflows/rnnbench-comment.yml": "github-comment.yml"},
    "gitlab": {"BENCH/gitlab-ci.yml": "gitlab.yml"},
    "none": {},
}


def _settings(root: Path) -> Iterator[Planned]:
    """The gate's table at the end of pyproject.toml, unless it has one."""
    before, template = _there(root / "pyproject.toml"), filled("settings.toml", {})
    if before is None:
        yield Planned(Path("pyproject.toml"), None, template.lstrip("\n"))
        return
    try:
        table = tomllib.loads(before).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise CannotWrite(root / "pyproject.toml", f"it is not TOML ({error})") from None
    if isinstance(table, dict) and "gate" in table.get("rnnbench", {}):
        yield Planned(Path("pyproject.toml"), before, before)
    else:
        yield Planned(Path("pyproject.toml"), before, f"{before.rstrip(chr(10))}\n{template}", extends=True)


def _of_model(model: str) -> dict[str, str]:
    if not model:
        return {"IMPORT": "from torch import nn\n", "BUILD": _BUILDS, "ABOUT": "A stacked LSTM, to be replaced by our own model."}
    module, _, function = model.partition(":")
    sizes = "input_size=case.input_size, hidden_size=case.hidden_size, depth=case.depth"
    about = f"{model}: takes (seq_len, batch_size, input_size), returns (seq_len, batch_size, features)."
    return {"IMPORT": f"\nfrom {module} import {function}\n", "BUILD": f"{function}({sizes})", "ABOUT": about}


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with its @PLACEHOLDERS@ filled in; braces and dollars are the workflow's own."""
    text = resources.files("rnnbench.scaffold").joinpath("templates", f"{template}.txt").read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _there(path: Path) -> str | None:
    """Its text; none where there is no such file. Raises CannotWrite for one that is not to be extended."""
    if not path.exists():
        return None
    try:
        return content(path, _LARGEST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotWrite(path, f"what is there cannot be read ({error})") from None


def write(root: Path, files: list[Planned]) -> None:
    """Write what is new or extended. Raises CannotWrite."""
    for one in files:
        if one.state in ("new", "extended"):
            path = root / one.path
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(one.after, encoding="utf-8")
            except OSError as error:
                raise CannotWrite(path, error.strerror or error) from None
