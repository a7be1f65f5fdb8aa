"""Tasks to learn: their shapes, their splits, and targets that no trivial predictor meets."""

import pytest
import torch

from rnnbench.case import Case
from rnnbench.errors import Unsupported
from rnnbench.tasks import PROBLEMS, Data
from rnnbench.tasks._ctc import best_path, distance
from rnnbench.tasks._installed import packaged
from rnnbench.tasks._kinds import IGNORE, TRANSCRIPTION, wholly_right

LENGTHS = {
    "adding": 50,
    "copy": 20,
    "parity": 40,
    "digits_rows": 8,
    "digits_pixels": 64,
    "vowels": 29,
    "speakers": 64,
    "temperatures": 48,
    "text": 64,
    "grammar": 24,
}


def case(name: str, **fields) -> Case:
    return Case(**{"suite": "test", "phase": "converge", "task": name, "seq_len": LENGTHS[name], **fields})


def data(name: str) -> Data:
    try:
        return PROBLEMS[name].make(case(name))
    except Unsupported as error:
        if "pip install" not in str(error):
            raise
        pytest.skip(str(error))


def test_every_task_is_tried_here():
    """The table of lengths above knows every task but those of users' files, which other tests register."""
    assert set(LENGTHS) == {name for name in PROBLEMS if not name.startswith("own_")}


@pytest.mark.parametrize("name", LENGTHS)
def test_a_task_is_whole(name):
    """Splits agree in shape, labels are below the number of outputs, and the same data come again for another seed."""
    found, again = data(name), PROBLEMS[name].make(case(name, seed=5))
    for one, other in ((found.train, again.train), (found.validation, again.validation), (found.test, again.test)):
        assert len(one) == len(one.y) > 0
        assert one.x.shape[1] == LENGTHS[name]
        assert one.x.shape[1:] == found.train.x.shape[1:]
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.y, other.y)
        if not one.y.is_floating_point():
            assert int(one.y.max()) < found.outputs
        if found.vocabulary:
            assert 0 <= int(one.x.min()) <= int(one.x.max()) < found.vocabulary


@pytest.mark.parametrize("name", LENGTHS)
def test_the_target_beats_the_trivial_predictor(name):
    """The target is better than what needs no network."""
    kind, target = PROBLEMS[name].kind, PROBLEMS[name].target
    assert kind.improves(target, data(name).trivial)


@pytest.mark.parametrize("name", LENGTHS)
def test_no_sequence_is_in_two_splits(name):
    """No training sequence is met again in validation or test, nor one of these in the other."""
    found = data(name)
    splits = [{row.numpy().tobytes() for row in one.x} for one in (found.train, found.validation, found.test)]
    assert not splits[0] & splits[1]
    assert not splits[0] & splits[2]
    assert not splits[1] & splits[2]


def test_adding_is_the_sum_of_the_marked():
    """y is the sum of the two marked numbers, one in each half."""
    x, y = data("adding").train.x, data("adding").train.y
    assert torch.allclose((x[..., 0] * x[..., 1]).sum(1, keepdim=True), y)
    assert torch.equal(x[:, :25, 1].sum(1), torch.ones(len(x)))


def test_parity_is_of_bits_two_steps_ago():
    """The first answer, at step 4, is the parity of steps 0 to 2."""
    found = data("parity").train
    bits = (found.x[..., 0] > 0).long()
    assert torch.equal(found.y[:, 4], bits[:, :3].sum(1) % 2)
    assert (found.y[:, :4] == IGNORE).all()


def test_a_sequence_is_right_only_as_a_whole():
    """Of two sequences with one wrong label between them, one is right; ignored labels do not count."""
    y = torch.tensor([[1, IGNORE], [1, 0]])
    answers = torch.nn.functional.one_hot(torch.tensor([[1, 0], [1, 1]]), 2).float()
    right, judged = wholly_right(answers, y)
    assert (int(right), judged) == (1, 2)


def test_the_best_path_joins_repeats_and_drops_blanks():
    """A label twice in a row needs a blank between."""
    path = torch.nn.functional.one_hot(torch.tensor([[0, 2, 2, 0, 2, 1, 1, 0]]), 3).float()
    assert list(best_path(path)) == [[2, 2, 1]]


def test_label_errors_are_edits():
    """One replaced, one missing, one too many; what is to be ignored does not count."""
    assert distance([1, 2, 3], [1, 3, 3]) == distance([1, 3], [1, 2, 3]) == distance([1, 2, 3], [1, 3]) == 1
    assert distance([], [4, 5]) == 2
    path = torch.nn.functional.one_hot(torch.tensor([[0, 2, 0, 1], [3, 3, 3, 3]]), 4).float()
    errors, judged = TRANSCRIPTION.score(path, torch.tensor([[2, 1, IGNORE], [1, 2, 3]]))
    assert (int(errors), judged) == (2, 5)


def test_the_loss_of_labels_without_times_is_torchs_own():
    """Nats a label, as torch's CTC has them for each sequence alone."""
    outputs, y = torch.randn(2, 9, 4), torch.tensor([[1, 2, 3], [2, IGNORE, IGNORE]])
    alone = [
        torch.nn.functional.ctc_loss(one.log_softmax(-1), labels, [9], [len(labels)], reduction="sum") / len(labels)
        for one, labels in zip(outputs, (y[0], y[1, :1]), strict=True)
    ]
    torch.testing.assert_close(TRANSCRIPTION.loss(outputs, y), torch.stack(alone).mean())


def test_recordings_end_with_speech_of_whom_they_name():
    """The last label's speaker ends the recording; a recording holds as many as fit."""
    found = data("speakers").train
    assert ((found.y != IGNORE).sum(1) >= 2).all()
    assert (found.x[:, -1].abs().sum(1) > 0).all()


def test_missing_data_says_what_to_install():
    """A package that is not there is named together with the extra that brings it."""
    with pytest.raises(Unsupported, match=r"pip install 'rnnbench\[speech\]'"):
        packaged("no_such_package_here", "a.ts", "speech")


def test_data_of_one_length_refuse_another():
    """Digits by row have eight time steps."""
    data("digits_rows")
    with pytest.raises(Unsupported, match="seq_len=8"):
        PROBLEMS["digits_rows"].make(case("digits_rows", seq_len=9))
