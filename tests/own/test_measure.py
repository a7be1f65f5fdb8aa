"""rnnbench.measure: a module and a batch in, a record for each case out, whatever they are."""

import copy
import os
from statistics import fmean

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader, TensorDataset

import rnnbench
from rnnbench.budget import Budget
from rnnbench.errors import UsageError
from rnnbench.record import Record
from tests.own import models

BUDGET = Budget(max_time_s=0.01, precision=0.5, min_rounds=2)
REAL, PADDED = sum(models.LENGTHS), len(models.LENGTHS) * max(models.LENGTHS)


def measured(model: object, batch: object = None, **asked: object) -> list[Record]:
    """In this process, in no time."""
    return rnnbench.measure(model, batch, **{"budget": BUDGET, "own_process": False, **asked})


@pytest.fixture(scope="module")
def issue() -> tuple[nn.Module, dict[str, torch.Tensor], rnnbench.Records]:
    """The language model in fp32 and bf16, with clipping and without, each in a process of its own."""
    model = models.LanguageModel()
    before = copy.deepcopy(model.state_dict())
    found = rnnbench.measure(
        model, models.sentences(), loss=models.without_padding, precision=("fp32", "bf16"), clip_norm=(None, 1.0), budget=BUDGET
    )
    return model, before, found


def test_every_case_of_the_language_model_is_measured(issue):
    """A forward pass and two train steps (clipped or not) in each of two precisions."""
    records = issue[2]
    assert [one.reason for one in records if one.status != "ok"] == []
    settings = [(one.case.precision, one.case.phase, one.case.clip_norm) for one in records]
    each = [("forward", None), ("train", None), ("train", 1.0)]
    assert settings == [(precision, *one) for precision in ("fp32", "bf16") for one in each]


def test_each_case_has_a_process_of_its_own(issue):
    """None of them is this one, and no two are the same."""
    pids = [one.pid for one in issue[2]]
    assert os.getpid() not in pids
    assert len(set(pids)) == len(pids)


def test_the_users_weights_are_left_alone(issue):
    """What is trained is a copy in another process."""
    model, before, _ = issue
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_padding_is_no_token(issue):
    """Throughput counts the lengths, and padding_share is the rest."""
    for one in issue[2]:
        tokens = one.metrics["tokens_per_s"] * one.metrics["step_time_s"]
        assert tokens == pytest.approx(REAL)
        assert one.metrics["padding_share"] == pytest.approx(1 - REAL / PADDED)
        assert one.metrics["sequences_per_s"] * one.metrics["step_time_s"] == pytest.approx(len(models.LENGTHS))


def test_tied_weights_count_once(issue):
    """Embedding and softmax are one matrix."""
    lstm = 3 * 4 * models.HIDDEN * (2 * models.HIDDEN + 2)
    assert issue[2][0].metrics["parameters"] == models.VOCABULARY * models.HIDDEN + models.VOCABULARY + lstm


def test_autocast_is_seen_in_what_is_kept(issue):
    """In bf16 autograd keeps tensors of another size, so the case did run under autocast."""
    train = {one.case.precision: one.metrics["activation_bytes"] for one in issue[2] if one.case.phase == "train"}
    assert train["bf16"] != train["fp32"]


def test_clipping_is_a_part_of_its_own(issue):
    """Only a clipped step has one, and what it costs is measured in turn with the same step unclipped."""
    clipped = [one for one in issue[2] if one.case.clip_norm]
    assert all({"clip_s", "clip_cost_s"} <= set(one.metrics) for one in clipped)
    assert all("clip_s" not in one.metrics for one in issue[2] if not one.case.clip_norm)


def test_what_the_model_does_not_say_is_not_claimed(issue):
    """No shape and no implementation is on the record, nor in its id."""
    one = issue[2][0]
    assert (one.case.depth, one.case.hidden_size, one.case.implementation, one.case.task) == (None,) * 4
    assert str(one.case) == "own_model/tests.own.models:LanguageModel-forward-fp32-cpu"


def test_the_weighed_batch_is_named(issue):
    """Memory and operators are those of one batch, whose shapes the record tells."""
    assert any("its one batch: int64 (4, 7), int64 (4,)" in note for note in issue[2][0].notes)


def test_records_show_themselves(issue):
    """As text, as HTML with the parts of a step, and as a frame with a row for each."""
    records = issue[2]
    text = repr(records)
    assert "bf16" in text
    assert "step time" in text
    html = records._repr_html_()
    assert html.count("<tr>") > len(records)
    assert "Parts of the train step" in html
    assert "Memory of a step" in html
    frame = records.to_frame()
    assert list(frame["precision"]) == [one.case.precision for one in records]
    assert frame["step_time_s"].notna().all()


def test_a_table_says_what_a_precision_did(issue):
    """Each bf16 case is held against its twin in fp32, in the reader's direction."""
    said = [line for line in repr(issue[2]).splitlines() if "than fp32 in one process each" in line]
    assert [line.partition(":")[0] for line in said] == ["forward, bf16", "train, bf16", "train, bf16, clip_norm 1"]
    assert all("× slower" in line or "× faster" in line for line in said)


def test_numbers_are_held_against_fp32(issue):
    """How far bf16's output and gradients are from the same model's in fp32, on the same batch."""
    found = {(one.case.precision, one.case.phase): one for one in issue[2] if one.case.clip_norm is None}
    bf16 = found["bf16", "train"].metrics
    assert 0 < bf16["output_distance"] < 0.1
    assert 0 < bf16["gradient_distance"] < 0.2
    assert found["fp32", "train"].metrics["output_fingerprint"] > 0


def test_a_record_survives_its_file(issue):
    """What is None stays None on the way through JSON."""
    for one in issue[2]:
        assert Record.from_dict(one.as_dict()) == one


def test_in_this_process_it_is_said(capsys):
    """A record of this process has this process's id and a note; nothing is printed, and the environment is left as it was."""
    before = dict(os.environ)
    (one,) = measured(models.ItsOwnLoss(), torch.ones(2, 4), phases="train")
    assert one.pid == os.getpid()
    assert any("not in a fresh one" in note for note in one.notes)
    assert capsys.readouterr() == ("", "")
    assert dict(os.environ) == before


def test_random_state_is_left_as_it_was():
    """A notebook's next random number is the same with and without a measurement."""
    model = models.ItsOwnLoss()
    torch.manual_seed(7)
    wanted = torch.rand(1)
    torch.manual_seed(7)
    measured(model, torch.ones(2, 4), phases="train")
    assert torch.equal(torch.rand(1), wanted)


KEYWORDS = {
    "input_ids": torch.ones(2, 5, dtype=torch.long),
    "attention_mask": torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]),
    "labels": torch.zeros(2, 5, dtype=torch.long),
}
PACKED = pack_padded_sequence(torch.ones(5, 2, 4), torch.tensor([5, 3]))
ANY_INPUTS = {
    "a module with state": (models.Stateful(), (torch.ones(3, 4), torch.ones(3, 4)), {"loss": models.squared}),
    "keywords in, dataclass with its loss out": (models.Tagger(), KEYWORDS, {}),
    "keywords that only the loss reads": (
        models.Tagger(),
        {**KEYWORDS, "labels": None, "gold": KEYWORDS["labels"]},
        {"loss": lambda output, batch: output.logits.mean() * batch["gold"].max() + output.logits.square().mean()},
    ),
    "a PackedSequence in and out": (models.Packed(), PACKED, {"loss": lambda output: output.data.square().mean()}),
    "a scalar loss": (models.ItsOwnLoss(), torch.ones(2, 4), {}),
    "batches that take turns": (models.ItsOwnLoss(), [torch.ones(2, 4), torch.ones(3, 4)], {}),
    "a DataLoader": (
        nn.Linear(4, 1),
        DataLoader(TensorDataset(torch.ones(12, 4), torch.zeros(12, 1)), batch_size=2),
        {"loss": models.squared},
    ),
    "frozen weights": (models.Frozen(), torch.ones(3, 4), {"loss": lambda output: output.mean()}),
    "an optimizer of one's own": (
        models.ItsOwnLoss(),
        torch.ones(2, 4),
        {"optimizer": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9)},
    ),
    "a factory with its batch": (models.make, None, {}),
    "a factory and a batch beside it": (models.Tagger, KEYWORDS, {}),
}


@pytest.mark.parametrize(("model", "batch", "more"), ANY_INPUTS.values(), ids=ANY_INPUTS)
def test_any_inputs_are_measured(model, batch, more):
    """Forward, backward and train of each end as ok, with a loss that a backward pass went through."""
    records = measured(model, batch, phases=("forward", "backward", "train"), **more)
    assert [(one.case.phase, one.status, one.reason) for one in records if one.status != "ok"] == []
    assert records[2].metrics["gradient_bytes"] > 0


def test_batches_take_turns_and_the_first_is_weighed():
    """Throughput and FLOPs are of the mean batch; other exact figures are of the first, so that they are the same every time."""
    turns = [torch.ones(2, 4), torch.ones(6, 4)]
    (one,) = measured(models.ItsOwnLoss(), turns, phases="train")
    assert one.metrics["tokens_per_s"] * one.metrics["step_time_s"] == pytest.approx(4)
    alone = [measured(models.ItsOwnLoss(), batch, phases="train")[0] for batch in turns]
    for name in ("activation_bytes", "operators", "moved_bytes"):
        assert one.metrics[name] == alone[0].metrics[name]
    assert one.metrics["step_flops"] == fmean(each.metrics["step_flops"] for each in alone)
    assert "its 2 batches differ in size: a round is one turn of all, and times are per batch" in one.notes


def test_many_unlike_batches_are_measured_one_by_one():
    """A round of them would be too long: the record says what its rate is then, and how to have the mean."""
    (one,) = measured(models.ItsOwnLoss(), [torch.ones(2 + row, 4) for row in range(9)], phases="train")
    assert any("step_time_s is the median over single batches" in note and "give 8 batches or fewer" in note for note in one.notes)


def test_equal_batches_keep_their_rounds():
    """Nothing is said of batches of one shape."""
    (one,) = measured(models.ItsOwnLoss(), [torch.ones(2, 4), torch.zeros(2, 4)], phases="train")
    assert not any("differ in size" in note for note in one.notes)


def test_a_mask_counts_tokens():
    """Ones of attention_mask are tokens."""
    (one,) = measured(models.Tagger(), KEYWORDS, phases="forward")
    assert one.metrics["tokens_per_s"] * one.metrics["step_time_s"] == pytest.approx(8)
    assert one.metrics["padding_share"] == pytest.approx(0.2)


def test_tokens_are_counted_as_told():
    """tokens= is what throughput counts."""
    (one,) = measured(models.ItsOwnLoss(), torch.ones(2, 4), phases="forward", tokens=lambda batch: batch.numel() * 10)
    assert one.metrics["tokens_per_s"] * one.metrics["step_time_s"] == pytest.approx(80)


def test_frozen_weights_are_storage_too():
    """Parameters and their bytes are all, gradients are of those that learn."""
    (one,) = measured(models.Frozen(), torch.ones(3, 4), phases="train", loss=lambda output: output.mean())
    assert one.metrics["parameters"] == 8 + 16
    assert one.metrics["parameter_bytes"] == 4 * (8 + 16)
    assert one.metrics["gradient_bytes"] == 4 * 8


def test_the_users_optimizer_is_the_one():
    """SGD with momentum keeps one number a weight, AdamW two and a count."""
    (one,) = measured(models.ItsOwnLoss(), torch.ones(2, 4), phases="train", optimizer=_momentum)
    assert one.metrics["optimizer_bytes"] == one.metrics["parameter_bytes"]


def _momentum(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


FAILURES = {
    "no loss": (nn.Linear(4, 2), torch.ones(2, 4), "train", "failed", "needs a loss"),
    "no parameters": (models.Buffers(), torch.ones(2, 4), "train", "unsupported", "no trainable parameter"),
    "a factory that raises": (models.raises, None, "forward", "failed", "weights.pt"),
    "a factory that returns nothing": (models.returns_nothing, None, "forward", "failed", "returned nothing"),
    "a factory that needs a GPU": (models.needs_gpu, None, "forward", "unsupported", "a device that is not here"),
    "a batch that does not fit": (nn.Linear(4, 2), torch.ones(2, 5), "forward", "failed", "cannot be multiplied"),
    "no tensor out": (_nothing := nn.Identity(), {"input": None}, "forward", "failed", "returned no tensor"),
    "not a number": (models.ItsOwnLoss(), torch.full((2, 4), torch.nan), "forward", "diverged", "NaN or infinity"),
}


@pytest.mark.parametrize(("model", "batch", "phase", "status", "reason"), FAILURES.values(), ids=FAILURES)
def test_what_fails_is_a_row_with_its_reason(model, batch, phase, status, reason):
    """Nothing is raised."""
    (one,) = measured(model, batch, phases=phase)
    assert (one.status, reason in one.reason) == (status, True), one.reason


def test_one_failure_loses_no_other_case():
    """A model that cannot train is still measured forward."""
    records = measured(models.Buffers(), torch.ones(2, 4))
    assert [one.status for one in records] == ["ok", "unsupported"]
    assert "no trainable parameter" in repr(records)


def test_a_precision_is_tried_on_the_model_itself():
    """What runs in fp32 and not in bf16 is unsupported there, in the model's own words; what fails in both is a failure."""
    fp32, bf16 = measured(models.OnlyInFull(), torch.ones(2, 4), phases="forward", precision=("fp32", "bf16"))
    assert (fp32.status, bf16.status) == ("ok", "unsupported")
    assert "no kernel for torch.bfloat16" in bf16.reason
    (broken,) = measured(nn.Linear(4, 2), torch.ones(2, 5), phases="forward", precision="bf16")
    assert broken.status == "failed"


def test_a_proj_size_is_no_obstacle():
    """The probe is the model, not a variant of hidden size 8."""
    records = measured(nn.LSTM(4, 16, proj_size=12), torch.ones(3, 2, 4), precision="bf16", phases="forward")
    assert records[0].status in ("ok", "unsupported")
    assert "hidden_size" not in records[0].reason


def test_what_cannot_be_asked_is_refused_at_once():
    """One sentence that quotes the value and says what would do."""
    with pytest.raises(UsageError, match=r"fp8.*fp32, tf32, bf16, fp16|fp8.*choose from"):
        measured(models.ItsOwnLoss(), torch.ones(2, 4), precision="fp8")
    with pytest.raises(UsageError, match=r"decode.*forward, backward, train"):
        measured(models.ItsOwnLoss(), torch.ones(2, 4), phases="decode")
    with pytest.raises(UsageError, match=r"model='lstm' is invalid: expected a torch.nn.Module"):
        measured("lstm", torch.ones(2, 4))


def test_what_only_this_process_has_is_measured_here():
    """A lock cannot be sent to another process: the record says why it was measured here."""
    import threading

    model = models.ItsOwnLoss()
    model.lock = threading.Lock()
    found = rnnbench.measure(model, torch.ones(2, 4), phases="forward", budget=BUDGET)
    assert found[0].pid == os.getpid()
    assert any("lock" in note for note in found[0].notes)
