"""Files on disk are what docs/schemas says, and those of every past version are read."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from rnnbench.case import AXES
from rnnbench.files import read_run
from rnnbench.gate.baseline import BASELINE_SCHEMA
from rnnbench.gate.sources import side
from rnnbench.record import SCHEMA
from tests.fuzz.polite import cli
from tests.limits import hung_s
from tests.tools import ROOT

SCHEMAS = ROOT / "docs/schemas"
STORED = ROOT / "tests/stored"


def check(data, name: str) -> None:
    """Raises what is against the schema."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(data)


def test_schemas_are_what_the_code_says():
    """docs/schemas holds what docs/make_schemas.py makes now."""
    done = subprocess.run(
        [sys.executable, ROOT / "docs/make_schemas.py", "--check"], capture_output=True, text=True, cwd=ROOT, timeout=hung_s(), check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_real_run_fits_its_schemas(finished, tmp_path):
    """run.json, each line of records.jsonl, a baseline, a comparison and the exports of a run that was measured just now."""
    (home,) = (path.parent for path in (finished[0] / "results").glob("*/run.json"))
    check(json.loads((home / "run.json").read_text()), "run")
    lines = (home / "records.jsonl").read_text().splitlines()
    for line in lines:
        check(json.loads(line), "record")
    assert lines
    shutil.copytree(home, tmp_path / "results" / home.name)
    assert cli(tmp_path, "baseline", "save", "x").code == 0
    check(json.loads((tmp_path / "results/baselines/x.json").read_text()), "baseline")
    check(json.loads(cli(tmp_path, "compare", "baseline:x", "latest", "--format", "json").out), "comparison")
    check(json.loads(cli(tmp_path, "export", "latest", "--format", "bmf").out), "export-bmf")
    for form in ("gab-smaller", "gab-bigger"):
        check(json.loads(cli(tmp_path, "export", "latest", "--format", form).out), "export-gab")


def test_the_projects_own_baselines_fit_their_schema():
    """Each committed baseline."""
    for path in sorted((ROOT / "results/baselines").glob("*.json")):
        check(json.loads(path.read_text(encoding="utf-8")), "baseline")


@pytest.mark.parametrize(
    ("name", "spoilt"),
    [
        ("record", {"case": {"suite": "s", "depth": 0}, "status": "ok"}),
        ("record", {"case": {"suite": "s"}, "status": "fine"}),
        ("record", {"status": "ok"}),
        ("run", {"id": "x"}),
        ("baseline", {"schema": 2, "cases": {}}),
    ],
)
def test_a_schema_refuses_what_the_reader_refuses(name, spoilt):
    """Impossible sizes, unknown statuses and missing parts do not fit."""
    with pytest.raises(jsonschema.ValidationError):
        check(spoilt, name)


@pytest.mark.parametrize("schema", range(1, SCHEMA + 1))
def test_a_run_of_every_past_schema_is_read(schema, tmp_path):
    """A folder that the first commit with this schema wrote is read whole, reported and compared by the present code."""
    home = STORED / f"run-{schema}"
    run, damage = read_run(home)
    assert (run.schema, damage) == (schema, [])
    assert {record.status for record in run.records} == {"ok"}
    check(json.loads((home / "run.json").read_text()), "run")
    for line in (home / "records.jsonl").read_text().splitlines():
        assert json.loads(line)["id"] == str(run.records[json.loads(line)["case"]["depth"] - 1].case), "ids outlive versions"
        check(json.loads(line), "record")
    assert cli(tmp_path, "report", str(home), "--format", "md", "--format", "html").code == 0
    assert cli(tmp_path, "compare", str(home), str(home)).code == 2, "one run is not two"


@pytest.mark.parametrize("schema", range(1, BASELINE_SCHEMA + 1))
def test_a_baseline_of_every_past_schema_is_read(schema):
    """Likewise a baseline."""
    path = STORED / f"baseline-{schema}.json"
    check(json.loads(path.read_text()), "baseline")
    assert side(str(path), Path("none")).cases


def test_the_history_names_every_axis_that_came_since():
    """docs/formats.md lists the axes that the first form did not have."""
    first = set(json.loads((STORED / "run-1/run.json").read_text())["planned"][0]["case"])
    row = next(line for line in (ROOT / "docs/formats.md").read_text(encoding="utf-8").splitlines() if "the axes `" in line)
    assert set(re.findall(r"`(\w+)`", row.partition("the axes ")[2].partition(";")[0])) == set(AXES) - first
