"""A run sent to MLflow, TensorBoard and Weights & Biases, and read back with what each of them reads.

The real packages come with `tox -e thirdparty`; without them the tests that need one are skipped."""

import json
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnbench.trackers import TRACKERS
from tests.gate.sides import write
from tests.gate.trainings import trainings
from tests.tools import record, small_case

FORWARD, REFUSED = small_case(variant="lstm", phase="forward"), small_case(variant="lstm", phase="train", precision="fp16")
CURVE = ((25, 0.1, 2.5, 0.25), (50, 0.2, 1.5, 0.5))
TRAINED = replace(trainings([50.0])[0], curve=CURVE)
TIMES_S = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
WHY = "a CPU has no fp16 kernel for it"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A run of one case in seven processes, of one that was refused, and of one training."""
    folder = tmp_path_factory.mktemp("trackers")
    timed = [record(FORWARD, process=place, times_s=(one,), metrics={"operators": 9.0}) for place, one in enumerate(TIMES_S)]
    write(folder / "results", "mine", [*timed, record(REFUSED, status="unsupported", reason=WHY, times_s=(), metrics={}), TRAINED])
    return folder


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "export needs either --format"),
        (("--format", "bmf", "--to", "wandb:x"), "and not both"),
        (("--to", "neptune:x"), "unknown tracker 'neptune'; choose from: mlflow, tensorboard, wandb"),
        (("--to", "tensorboard"), "--to 'tensorboard' lacks what follows tensorboard:"),
        (("--to", "wandb:"), "PROJECT or ENTITY/PROJECT"),
        (("--to", "tensorboard:logs", "--metric", "step_tim"), "unknown metric 'step_tim'"),
        (("--to", "tensorboard:logs", "--metric", "gradient_norm_p90"), "nothing of 'mine' is left to send"),
        (("--to", "tensorboard:logs", "--select", "depth > 7"), "nothing of 'mine' is left to send"),
    ],
)
def test_a_mistake_is_one_sentence(typed, home, words, said):
    """Exit status 2, and nothing is written."""
    ended = typed("export", "mine", *words, cwd=home)
    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert not (home / "logs").exists()


@pytest.mark.parametrize("name", TRACKERS)
def test_a_package_that_is_absent_is_named(typed, home, monkeypatch, name):
    """With what installs it."""
    monkeypatch.setitem(sys.modules, TRACKERS[name].package, None)
    ended = typed("export", "mine", "--to", f"{name}:x", cwd=home)
    assert ended.code == 2
    assert "pip install 'rnnbench[trackers]'" in ended.err


def test_tensorboard_reads_it(typed, home, tmp_path):
    """Each case has its axes, figures with their interval, status and curve; a second time adds nothing."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG, parse_session_start_info_plugin_data

    ended = typed("export", "mine", "--to", f"tensorboard:{tmp_path}", cwd=home)
    assert (ended.code, ended.out) == (0, f"3 cases of mine sent to {tmp_path / 'mine'}\n")
    assert "0 cases of mine sent" in typed("export", "mine", "--to", f"tensorboard:{tmp_path}", cwd=home).out
    read = {}
    for logs in (tmp_path / "mine").iterdir():
        found = EventAccumulator(str(logs)).Reload()
        start = parse_session_start_info_plugin_data(found.summary_metadata[SESSION_START_INFO_TAG].plugin_data.content)
        values = {key: one.string_value or one.number_value for key, one in start.hparams.items()}
        read[values["phase"]] = values, found
    values, found = read["forward"]
    assert (values["variant"], values["hidden_size"], values["status"]) == ("lstm", 8, "ok")
    scalars = {tag: [(one.step, one.value) for one in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
    assert scalars["step_time_s"] == [(0, 4.0)]
    assert (scalars["step_time_s_low"], scalars["step_time_s_high"]) == ([(0, 1.0)], [(0, 7.0)])
    values, found = read["train"]
    assert values["status"] == "unsupported"
    assert not found.Tags()["scalars"]
    (text,) = found.Tensors("rnnbench/text_summary")
    assert WHY in text.tensor_proto.string_val[0].decode()
    curve = [(one.step, pytest.approx(one.value)) for one in read["converge"][1].Scalars("loss")]
    assert curve == [(step, loss) for step, _, loss, _ in TRAINED.curve]


def test_mlflow_reads_it(typed, home, tmp_path):
    """The run is the parent of a run a case; a second time adds nothing."""
    pytest.importorskip("mlflow.store.tracking.sqlalchemy_store")
    from mlflow import MlflowClient

    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    ended = typed("export", "mine", "--to", f"mlflow:{store}", cwd=home)
    assert (ended.code, ended.out) == (0, f"3 cases of mine sent to experiment 'rnnbench' of {store}\n")
    assert "0 cases of mine sent" in typed("export", "mine", "--to", f"mlflow:{store}", cwd=home).out
    client = MlflowClient(store)
    runs = client.search_runs([client.get_experiment_by_name("rnnbench").experiment_id])
    by_phase = {one.data.params.get("phase"): one for one in runs}
    assert len(runs) == 4
    assert {one.data.tags["mlflow.parentRunId"] for phase, one in by_phase.items() if phase} == {by_phase[None].info.run_id}
    fine, refused, trained = (by_phase[phase] for phase in ("forward", "train", "converge"))
    assert (fine.data.params["variant"], fine.data.params["hidden_size"]) == ("lstm", "8")
    assert fine.data.metrics == {"step_time_s": 4.0, "step_time_s_low": 1.0, "step_time_s_high": 7.0, "operators": 9.0}
    assert (refused.info.status, refused.data.tags["rnnbench.status"], refused.data.tags["rnnbench.reason"]) == (
        "FAILED",
        "unsupported",
        WHY,
    )
    history = client.get_metric_history(trained.info.run_id, "loss")
    assert sorted((one.step, one.value) for one in history) == [(step, loss) for step, _, loss, _ in TRAINED.curve]


def test_weights_and_biases_reads_it(typed, home, tmp_path):
    """What an offline run keeps for `wandb sync`: a run a case, in the group of the run."""
    pytest.importorskip("wandb")
    ended = typed("export", "mine", "--to", "wandb:speed", cwd=home, WANDB_MODE="offline", WANDB_DIR=str(tmp_path))
    assert ended.code == 0, ended.err
    assert ended.out == f"3 cases of mine sent to {tmp_path / 'wandb'} (offline; wandb sync sends it on)\n"
    read = {run["config"]["phase"]: run for run in map(_wandb_file, tmp_path.glob("wandb/offline-run-*/run-*.wandb"))}
    fine, refused, trained = (read[phase] for phase in ("forward", "train", "converge"))
    assert (fine["group"], fine["project"], fine["config"]["hidden_size"]) == ("mine", "speed", 8)
    assert (fine["summary"]["step_time_s"], fine["summary"]["step_time_s_low"], fine["exit_code"]) == (4.0, 1.0, 0)
    assert (refused["summary"]["reason"], refused["exit_code"]) == (WHY, 1)
    assert [(one["_step"], one["loss"]) for one in trained["history"]] == [(step, loss) for step, _, loss, _ in TRAINED.curve]


def _wandb_file(path: Path) -> dict[str, Any]:
    """What an offline run's file holds."""
    from wandb.proto.wandb_internal_pb2 import Record

    found: dict[str, Any] = {"config": {}, "summary": {}, "history": [], "exit_code": None}
    for data in _level_db_log(path.read_bytes(), start=7):  # the file's mark and version come first
        one = Record.FromString(data)
        kind = one.WhichOneof("record_type")
        if kind == "run":
            found |= {"group": one.run.run_group, "project": one.run.project}
            found["config"] |= _by_key(one.run.config.update)
        elif kind == "summary":
            found["summary"] |= _by_key(one.summary.update)
        elif kind == "history":
            found["history"].append({"_step": one.history.step.num} | _by_key(one.history.item))
        elif kind == "exit":
            found["exit_code"] = one.exit.exit_code
    return found


def _by_key(items: Iterable[Any]) -> dict[str, Any]:
    return {item.key or item.nested_key[0]: json.loads(item.value_json) for item in items}


def _level_db_log(data: bytes, start: int) -> Iterator[bytes]:
    """The records of a log in LevelDB's format: blocks of 32 KiB, each part with a checksum, its length and its kind."""
    place, whole = start, b""
    while place + 7 <= len(data):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        place += 7
        whole += data[place : place + length]
        place += length
        if kind in (1, 4):  # whole, or the last of its parts
            yield whole
            whole = b""
