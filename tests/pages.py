"""The pages' blocks: which are run, how a command is made small enough for a test, and the folder that it runs in."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent
PAGES = (*CLONE.glob("*.md"), *CLONE.glob("docs/*.md"), *CLONE.glob("results/*.md"), *CLONE.glob("reports/*.md"))
SIZES = {"depth": 1, "hidden_size": 8, "input_size": 8, "batch_size": 2, "seq_len": 3}
SMALL = {"variant": "lstm", "phase": "train", "precision": "fp32", **SIZES}
RUN = ("rnnbench", "pytest", "check-jsonschema")
COMMANDS = (*RUN, "python", "python3", "pip", "torchrun", "tox")
QUICK_PAGES = ("formats.md", "index.md", "pytest.md")  # the ordinary tests run their commands; tests/docs those of the others
SLOW = "run by tox -e docs"
NOT_RUN = "not run: "
_BLOCK = re.compile(r"^(?:<!-- ([^>]*) -->\n)?```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: `mark` is the comment above it, which says where it is run, or why not."""

    kind: str
    text: str
    mark: str

    @property
    def lines(self) -> list[str]:
        """Its lines, those that are continued in one."""
        return self.text.replace("\\\n", " ").splitlines()

    @property
    def has_commands(self) -> bool:
        """Whether anything of it looks like a command."""
        return self.kind == "sh" or any(line.split(" ")[0] in COMMANDS for line in self.lines)


def fenced(page: Path) -> list[Block]:
    """Every fenced block of a page."""
    return [Block(kind, text, mark or "") for mark, kind, text in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def commands(page: Path, *, slow: bool = False) -> list[list[str]]:
    """The page's commands as words, without or with those of the blocks that are marked SLOW."""
    chosen = [one for one in fenced(page) if one.kind == "sh" and not one.mark.startswith(NOT_RUN) and (slow or one.mark != SLOW)]
    lines = [line for one in chosen for line in one.lines]
    return [shlex.split(line, comments=True) for line in lines if line.strip() and not line.startswith("#")]


def shrunk(words: list[str]) -> list[str]:
    """The command with small sizes for every axis that it does not speak of, little time for each case, and no report:
    `rnnbench report` has commands of its own."""
    text = " ".join(words)
    if words[1] == "doctor":
        return [*words, "--seconds", "0"]
    if "--resume" in words or "--dry-run" in words:
        return words
    if "convergence" in text or "distillation" in text:  # a task has its own sizes
        return [*words, "--set", "seed=0", "--set", "max_steps=1", "--case-budget", "0.02", "--no-report"]
    if "--data" in words:
        length = () if "seq_len" in text else ("--set", "seq_len=24")
        short = ("--set", "variant=lstm", "--set", "hidden_size=8", "--set", "seed=0", "--set", "max_steps=1")
        return [*words, *length, *short, "--case-budget", "0.02", "--no-report"]
    axes = [f"{axis}={value}" for axis, value in SMALL.items() if axis not in text]
    if "bench_mine" in text or words[1] == "duet":  # grids and sides that differ in variant, which an override would make one
        axes = [axis for axis in axes if axis != "variant=lstm"]
    if words[0] == "pytest":
        return [*words, *(f"--rnnbench-set={axis}" for axis in axes), "--rnnbench-preset=quick", "-q"]
    if words[1] in ("run", "duet"):
        more = ("--case-budget", "0.02", *(("--no-report",) if words[1] == "run" else ()))
        return [*words, *(word for axis in axes for word in ("--set", axis)), *more]
    return words


def workplace(folder: Path) -> dict[str, str]:
    """Make a folder like a clone, with files of data as somebody may have them; the environment in which commands run there."""
    for name in ("suites", "docs"):
        shutil.copytree(CLONE / name, folder / name)
    (folder / "pairs.tsv").write_text("".join(f"w{n} x\ty w{n}\n" for n in range(60)))
    (folder / "series.csv").write_text("load,wind\n" + "".join(f"{n % 7},{n % 5}\n" for n in range(900)))
    (folder / "notes.txt").write_text("some words of text.\n" * 400)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONPATH"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{plain['PATH']}"
    return {**plain, "PATH": path, "RNNBENCH_LOCKS": str(folder)}


def expanded(pattern: str, folder: Path) -> list[str]:
    """As a shell would."""
    return sorted(str(path) for path in folder.glob(pattern))


def run_all(found: Sequence[list[str]], folder: Path, codes: Sequence[int] = (0,)) -> None:
    """Run commands one after the other; each has to end well."""
    environment = workplace(folder)
    for words in found:
        plain = [part for word in shrunk(words) for part in (expanded(word, folder) if word.endswith("*/run.json") else [word])]
        done = subprocess.run(plain, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode in codes, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
