"""How a batch becomes a call: what the model gets, what the loss gets, and how tokens are counted."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from rnnbench.measure.own.call import Count, call_of, copied, count, loss_in, moved, several, tensors_in
from tests.own import models

X, Y = torch.ones(2, 3, 4), torch.zeros(2)
IDS = torch.ones(2, 5, dtype=torch.long)


def test_the_last_of_a_tuple_is_the_target_where_there_is_a_loss():
    """nn.LSTM takes (input, state), and (x, y) with a loss is no state."""
    model = nn.LSTM(4, 4)
    assert (call_of((X, Y), model, has_loss=True).args, call_of((X, Y), model, has_loss=True).for_loss) == ((X,), (Y,))
    assert call_of((X, None), model, has_loss=False).args == (X, None)


def test_what_forward_cannot_take_is_the_target():
    """nn.Linear takes one input, so the second of two is none, whether there is a loss or not."""
    assert call_of((X, Y), nn.Linear(4, 4), has_loss=False).args == (X,)


def test_a_dict_is_keywords_and_the_loss_sees_all_of_it():
    """Keys that forward does not name are left to the loss."""
    batch = {"input_ids": IDS, "gold": Y}
    call = call_of(batch, models.Tagger(), has_loss=True)
    assert (dict(call.kwargs), call.for_loss) == ({"input_ids": IDS}, (batch,))


def test_a_packed_sequence_is_one_input():
    """It is a tuple by type, and no batch of four inputs."""
    packed = pack_padded_sequence(torch.ones(5, 2, 4), torch.tensor([5, 3]))
    assert call_of(packed, models.Packed(), has_loss=False).args == (packed,)


def test_lists_and_iterators_are_batches_in_turn():
    """A list is taken whole, of an iterator the first four; a tuple is one batch."""
    assert len(several([X] * 7)) == 7
    assert len(several(iter([X] * 7))) == 4
    assert several((X, Y)) == [(X, Y)]


@pytest.mark.parametrize("nothing", [None, [], iter(())])
def test_no_batch_is_refused(nothing):
    """The message says what would do."""
    with pytest.raises(ValueError, match="a DataLoader"):
        several(nothing)


COUNTS = {
    "lengths": (models.LanguageModel(), models.sentences(), Count(17, 4, 28)),
    "a mask": (models.Tagger(), {"input_ids": IDS, "attention_mask": torch.tensor([[1, 0, 0, 0, 0], [1, 1, 0, 0, 0]])}, Count(3, 2, 10)),
    "a PackedSequence": (models.Packed(), pack_padded_sequence(torch.ones(5, 2, 4), torch.tensor([5, 3])), Count(8, 2, 10)),
    "ids without either": (models.Tagger(), {"input_ids": IDS}, Count(10, None, None)),
    "features, batch first": (nn.LSTM(4, 4, batch_first=True), X, Count(6, 2, None)),
    "features, time first": (nn.LSTM(4, 4), X, Count(6, 3, None)),
    "no tensor": (nn.Identity(), "text", Count()),
}


@pytest.mark.parametrize(("model", "batch", "wanted"), COUNTS.values(), ids=COUNTS)
def test_tokens_and_sequences_are_counted_by(model, batch, wanted):
    """What says how long sequences are; without it every position is a token, and nothing is said of padding."""
    assert count(call_of(batch, model, has_loss=isinstance(batch, tuple) and len(batch) == 3), model) == wanted


def test_lengths_stay_on_the_host():
    """torch packs by lengths that are on the CPU; everything else moves."""
    call = moved(call_of(models.sentences(), models.LanguageModel(), has_loss=True), torch.device("meta"))
    assert [one.device.type for one in (*call.args, *call.for_loss)] == ["meta", "cpu", "meta"]


def test_a_copy_shares_no_tensor_and_keeps_what_is_shared():
    """What the model and the loss both read is one tensor in the copy too."""
    call = call_of({"input_ids": IDS}, models.Tagger(), has_loss=True)
    other = copied(call)
    assert other.kwargs["input_ids"] is other.for_loss[0]["input_ids"]
    assert other.kwargs["input_ids"].data_ptr() != IDS.data_ptr()


def test_a_loss_is_found_where_outputs_have_it():
    """A scalar, an attribute, an item; a vector is none."""
    scalar = torch.tensor(1.0)
    assert loss_in(scalar) is loss_in(models.Output(X, scalar)) is loss_in({"loss": scalar}) is scalar
    assert loss_in(X) is loss_in({"logits": X}) is loss_in((X,)) is None


def test_tensors_are_found_in_any_nesting():
    """Tuples, dicts, dataclasses and packed sequences."""
    packed = pack_padded_sequence(torch.ones(5, 2, 4), torch.tensor([5, 3]))
    nested = {"a": (X, [Y]), "b": models.Output(IDS), "c": packed}
    assert [tuple(one.shape) for one in tensors_in(nested)] == [
        (2, 3, 4),
        (2,),
        (2, 5),
        (8, 4),
    ]
