"""How near `rnnbench plan` comes: predicted against measured, over whole suites: `python docs/evidence/plan.py SUITE…`.

Each suite is planned, then run; a ratio is measured ÷ predicted step time."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from rnnbench.case import Case
from rnnbench.gate.source import source_at
from rnnbench.runs.planning import FACTOR


def told(*words: str, folder: Path) -> str:
    """What a command of rnnbench prints."""
    done = subprocess.run([sys.executable, "-m", "rnnbench", *words], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout


def ratios(suite: str, words: list[str], folder: Path) -> dict[str, float]:
    """By case id."""
    plan = json.loads(told("plan", "--suite", suite, "--json", *words, folder=folder))
    told("run", "--suite", suite, "--no-report", *words, folder=folder)
    source = source_at(folder / "results")
    run = source.load(source.find("latest")).run
    steps = {str(record.case): record.metrics["step_time_s"] for record in run.records if record.status == "ok"}
    planned = {str(Case.from_dict(row["case"])): row["step_s"] for row in plan["cases"] if row["step_s"]}
    return {case: steps[case] / planned[case] for case in steps if case in planned}


def main() -> None:
    """One row for each suite."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="+")
    parser.add_argument("--preset", default="standard")
    asked = parser.parse_args()
    print(f"| suite | cases | measured ÷ predicted: median | least | most | within a factor of {FACTOR:g} |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for suite in asked.suites:
            found = ratios(suite, ["--preset", asked.preset], Path(folder))
            values = np.array(list(found.values()))
            share = float(np.mean((values <= FACTOR) & (values >= 1 / FACTOR)))
            print(f"| `{suite}` | {len(values)} | {np.median(values):.2f} | {values.min():.2f} | {values.max():.2f} | {share:.0%} |")
            for case, ratio in sorted(found.items(), key=lambda pair: -abs(np.log(pair[1])))[:3]:
                print(f"<!-- {ratio:.2f} {case} -->", file=sys.stderr)


if __name__ == "__main__":
    main()
