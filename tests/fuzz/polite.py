"""What a command may do with hostile input: its work, or one sentence; nothing outside its folder, nothing that a terminal obeys."""

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from rnnbench.cli import main
from rnnbench.errors import RnnbenchError

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
CODES = (0, 1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command that has ended said."""

    code: int
    out: str
    err: str


@contextlib.contextmanager
def sandbox() -> Iterator[Path]:
    """A folder in a folder: what appears in the outer one has escaped."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        outer = Path(name)
        inner = outer / "a" / "work"
        inner.mkdir(parents=True)
        (outer / "outside").write_text("as it was")
        yield inner
        assert sorted(path.name for path in outer.iterdir()) == ["a", "outside"], sorted(outer.iterdir())
        assert [path.name for path in (outer / "a").iterdir()] == ["work"]
        assert (outer / "outside").read_text() == "as it was"


def cli(home: Path, *words: str) -> Said:
    """`rnnbench …` in this process. Anything but an exit code is a bug, and so is a character that a terminal obeys."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    before = Path.cwd()
    os.chdir(home)
    try:
        with (
            mock.patch.object(sys, "argv", ["rnnbench", *words]),
            mock.patch.dict(os.environ, {"NO_COLOR": "1", "COLUMNS": "200"}),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as ended:
                code = 0 if ended.code is None else ended.code
    finally:
        os.chdir(before)
    said = Said(int(code), *(text(one) for one in (out, err)))
    assert said.code in CODES, said
    for stream in (said.out, said.err):
        assert not (found := OBEYED.search(stream)), (words, found, stream[max(0, found.start() - 80) : found.end() + 20])
    lines = said.err.strip().splitlines()
    assert all(line.startswith("rnnbench: ") for line in lines), lines
    if said.code == 2:
        assert len(lines) == 1, lines
    return said


def text(stream: io.TextIOWrapper) -> str:
    """All that was written."""
    stream.flush()
    return stream.buffer.getvalue().decode("utf-8", "surrogatepass")  # type: ignore[attr-defined]


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """A mistake of the user's is one sentence of ours; everything else that is raised is a bug."""
    with contextlib.suppress(RnnbenchError):
        yield


def emptied(folder: Path) -> Path:
    """The folder, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
