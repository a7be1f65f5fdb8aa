"""Runs the `run:` lines of a workflow as its service would: one bash a step, in order, with the variables that it promises."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

from tests.limits import hung_s
from tests.tools import environment


def shims(folder: Path) -> Path:
    """A folder for the front of PATH whose `pip` writes down what it was asked for: what it would install is here already."""
    folder.mkdir(exist_ok=True)
    (folder / "pip").write_text(f'#!/bin/sh\necho "$@" >> {folder / "pip.log"}\n')
    (folder / "pip").chmod(0o755)
    return folder


def run_github(workflow: Path, root: Path, shim: Path, event: str = "push", **values: str) -> tuple[int, str]:
    """Exit code and output of the first step that fails; those after it are run where they ask for it. `values` are what expressions
    stand for."""
    (job,) = YAML(typ="safe").load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    summary, failed = shim / "summary.md", None
    for step in job["steps"]:
        when = step.get("if", "")
        if "run" not in step or ("pull_request" in when and event != "pull_request") or (failed and "!cancelled()" not in when):
            continue
        wanted = {**job.get("env", {}), **step.get("env", {})}
        done = _bash(step["run"], root, shim, {name: values.get(name, text) for name, text in wanted.items()}, summary)
        if done.returncode and not failed:
            failed = done.returncode, done.stdout + done.stderr
    return failed or (0, summary.read_text(encoding="utf-8") if summary.exists() else "")


def run_gitlab(text: Mapping[str, object], root: Path, shim: Path, **values: str) -> tuple[int, str]:
    """The same for a job of GitLab: all lines of its script in one shell that ends at the first failure."""
    script = "\n".join(text["script"])
    done = _bash(script, root, shim, {**text["variables"], **values}, shim / "summary.md")
    return done.returncode, done.stdout + done.stderr


def _bash(script: str, root: Path, shim: Path, variables: Mapping[str, str], summary: Path) -> subprocess.CompletedProcess[str]:
    path = f"{shim}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = environment(
        PATH=path, GITHUB_STEP_SUMMARY=str(summary), PYTHONPATH=str(root), **{name: str(text) for name, text in variables.items()}
    )
    words = ("bash", "-e", "-o", "pipefail", "-c", script)
    return subprocess.run(words, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=hung_s())
