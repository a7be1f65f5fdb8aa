"""How the command line names a user's own model: MODULE:FUNCTION, FILE.py:FUNCTION, or a packed model."""

import re
from collections.abc import Callable
from pathlib import Path

from rnnbench.registry import user_path

PARCEL = ".rnnbench-model"
"""Suffix of a file that passes a pickled model and its batches from one process to another of the same user."""
SUITE = "own_model"
SUITE_FILE = Path(__file__).parent / "measure" / "own" / "bench_own_model.py"
LONGEST = 64  # characters of a variant's name in a case
_SPEC = re.compile(r"(?P<home>.+):(?P<function>[A-Za-z_]\w*)")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_ODD = re.compile(r"[^A-Za-z0-9_.:+]")


def is_own(text: str) -> bool:
    """Whether the text names the user's own model: `mypkg.models:make`, `models.py:make`, or a packed model."""
    found = _SPEC.fullmatch(text)
    return text.endswith(PARCEL) or bool(found and (_MODULE.fullmatch(found["home"]) or found["home"].endswith(".py")))


def parts_of(text: str) -> tuple[str, str]:
    """The module or file, and the function in it."""
    home, _, function = text.rpartition(":")
    return home, function


def variant_of(text: str) -> str:
    """The variant name of a model in cases and reports: `mypkg.models:make`, or `models:make` for a file models.py."""
    if text.endswith(PARCEL):
        return Path(text).name.removesuffix(PARCEL)
    home, function = parts_of(text)
    return named(Path(home).stem if home.endswith(".py") else home, function)


def named(home: str, function: str) -> str:
    """`home:function`, limited to the characters and length that a case's id allows. A long home is cut at its start."""
    home, function = _ODD.sub("_", home).strip(":"), _ODD.sub("_", function)[: LONGEST // 2]
    return f"{home[-(LONGEST - 1 - len(function)) :].lstrip('.:+') or 'own'}:{function}"


def placed(text: str, where: Callable[[Path], str | Path]) -> str:
    """Apply `where` to a plugin's path. A module's name and the function after a path are kept."""
    if not is_own(text) or text.endswith(PARCEL):
        return str(where(user_path(text)))
    home, function = parts_of(text)
    return f"{where(user_path(home))}:{function}" if home.endswith(".py") else text
