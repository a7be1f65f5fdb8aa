"""`rnnbench measure MODULE:FUNCTION`, and the other commands on the same name."""

import json
from pathlib import Path

import pytest

from rnnbench.files import read_run
from tests.tools import QUICK, ROOT, Ended, command

MODEL = f"{ROOT}/docs/examples/my_model.py:make"
SMALL = ("--set", "batch_size=2,3", "--set", "hidden_size=8")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """A run of the documented example, small."""
    folder = tmp_path_factory.mktemp("own")
    chosen = ("--set", "phase=train", "--set", "precision=fp32,bf16", "--set", "clip_norm=none,1", *SMALL)
    return folder, command("measure", MODEL, *chosen, *QUICK, "--json", cwd=folder)


def test_every_combination_is_a_record(measured):
    """Two batches, two precisions, with clipping and without."""
    folder, ended = measured
    assert ended.code == 0, ended.err
    run, damage = read_run(Path(folder, ended.told["folder"]))
    assert not damage
    settings = {(one.case.batch_size, one.case.precision, one.case.clip_norm) for one in run.records}
    assert settings == {(size, form, clip) for size in (2, 3) for form in ("fp32", "bf16") for clip in (None, 1.0)}
    assert {one.status for one in run.records} == {"ok"}


def test_ids_name_what_the_function_takes(measured):
    """Its axes and no other."""
    assert "own_model/my_model:make-train-H8-B2-fp32-cpu" in {one["id"] for one in measured[1].told["records"]}


def test_there_is_a_report_that_names_the_model(measured):
    """The page of a run of one's own is a page like any other."""
    folder, ended = measured
    assert "my_model:make" in Path(folder, ended.told["report"]).read_text(encoding="utf-8")


def test_a_run_is_compared_as_any_other(measured):
    """Saved as a baseline, it is compared case by case."""
    folder, ended = measured
    made = command("baseline", "save", "own", ended.told["folder"], cwd=folder)
    assert made.code == 0, made.err
    compared = command("compare", "baseline:own", ended.told["folder"], "--format", "json", cwd=folder)
    assert compared.code in (0, 4), compared.err
    assert {one["case"].partition("-")[0] for one in json.loads(compared.out)["findings"]} == {"own_model/my_model:make"}


def test_the_name_is_a_suite_to_plan(tmp_path):
    """Parameters, memory and FLOPs, before anything is measured."""
    ended = command("plan", "--suite", MODEL, *SMALL, "--set", "phase=train", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    rows = ended.told["cases"]
    assert len(rows) == 2
    assert all(row["flops"] > 0 and row["total_bytes"] > 0 for row in rows)


def test_the_name_is_a_suite_to_profile(tmp_path):
    """A page with where its step's time goes."""
    ended = command(
        "profile", "--suite", MODEL, "--set", "batch_size=2", "--set", "hidden_size=8", "--set", "phase=train", "--json", cwd=tmp_path
    )
    assert ended.code == 0, ended.err
    assert "my_model:make" in ended.out


def test_an_axis_that_the_function_does_not_take_is_refused(tmp_path):
    """Its cases would all be the same; what it takes is listed."""
    ended = command("measure", MODEL, "--set", "depth=1,2", "--dry-run", cwd=tmp_path)
    assert ended.code == 2
    assert "no parameter 'depth'" in ended.err
    assert "batch_size, hidden_size" in ended.err


@pytest.mark.parametrize(
    ("name", "words"),
    [("depth", "MODULE:FUNCTION"), ("no.such:make", "ModuleNotFoundError"), (MODEL.replace("make", "nobody"), "no function 'nobody'")],
)
def test_a_name_that_is_no_model_is_refused(tmp_path, name, words):
    """In one sentence, before anything is written."""
    ended = command("measure", name, "--dry-run", cwd=tmp_path)
    assert (ended.code, words in ended.err) == (2, True), ended.err
    assert not list(tmp_path.iterdir())


def test_a_module_in_the_current_folder_is_found(tmp_path):
    """As `python -m` would find it."""
    (tmp_path / "here.py").write_text("import torch\nmake = lambda: (torch.nn.Linear(2, 1), torch.ones(3, 2))\n", encoding="utf-8")
    ended = command("measure", "here:make", "--set", "phase=forward", *QUICK, "--no-report", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert [one["id"] for one in ended.told["records"]] == ["own_model/here:make-forward-fp32-cpu"]


def test_a_run_of_ones_own_model_is_resumed_by_naming_it_again(tmp_path):
    """Code of the user's own is never read from a run."""
    begun = command("measure", MODEL, *SMALL, *QUICK, "--max-time", "1", "--no-report", "--json", cwd=tmp_path)
    name = begun.told["run"]
    refused = command("run", "--resume", name, cwd=tmp_path)
    assert refused.code == 2
    assert "name them again" in refused.err
    ended = command("measure", MODEL, "--resume", name, "--no-report", "--json", cwd=tmp_path)
    assert (ended.code, len(ended.told["records"])) == (0, 4), ended.err
