"""Translation, speech and forecasting: each against a plainer reading, and what its task asks."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import tests.toy  # noqa: F401 - registers the device
from rnnbench.errors import Unsupported
from rnnbench.measure.network import network, output_of
from rnnbench.measure.probes.costs import step_flops
from rnnbench.tasks import TASKS
from rnnbench.tasks.grammar import IGNORE, SEPARATOR, encode
from rnnbench.variants import VARIANTS
from tests.measure.parts import workload
from tests.tools import small_case
from tests.variants.parts import built, input_for, outcome

ODD = {"depth": 2, "hidden_size": 6, "input_size": 5, "batch_size": 3, "seq_len": 7}
SHORT = {"depth": 1, "hidden_size": 1, "input_size": 1, "batch_size": 1, "seq_len": 2}
TRANSLATORS = ("translation", "translation_attention")
ASKED = [("translation", "words"), ("translation_attention", "words"), ("speech", "letters"), ("forecasting", "value")]


@pytest.mark.parametrize("name", [*TRANSLATORS, "speech", "forecasting"])
@pytest.mark.parametrize("fields", [ODD, SHORT, {**ODD, "seq_len": 2}])
def test_the_fast_form_is_the_loop(name, fields):
    """In double precision the output and every gradient equal those of the loop in Python."""
    x = input_for(fields)
    for a, b in zip(*(outcome(built(name, way, fields), x) for way in ("loop", "fused")), strict=True):
        torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-11)


def test_the_decoder_goes_on_from_the_encoders_state():
    """With equal weights an encoder and a decoder are one LSTM that reads straight through."""
    model, x = built("translation", "fused", ODD), input_for(ODD)
    model.decoder.load_state_dict(model.encoder.state_dict())
    torch.testing.assert_close(model(x), model.encoder(x)[0])


def test_attention_reads_the_source():
    """Scores are products of states, the context and the state are joined: by hand, for the last step of one sequence."""
    model, x = built("translation_attention", "fused", ODD), input_for(ODD)
    heard, states = model.encoder(x[:3])
    said, _ = model.decoder(x[3:], states)
    shares = torch.softmax(torch.stack([said[-1, 1] @ one[1] for one in heard]), 0)
    context = sum(share * one[1] for share, one in zip(shares, heard, strict=True))
    wanted = torch.tanh(model.join.weight @ torch.cat((context, said[-1, 1])))
    torch.testing.assert_close(model(x)[-1, 1], wanted)


@pytest.mark.parametrize("name", TRANSLATORS)
def test_a_word_depends_on_no_later_one(name):
    """Changing the last word of the target changes nothing before it."""
    model, x = built(name, "fused", ODD), input_for(ODD)
    changed = torch.cat([x[:-1], x[-1:] + 1])
    assert torch.equal(model(x)[:-1], model(changed)[:-1])


def test_what_a_translator_cannot_do_is_told():
    """One step has no source, and a decoder does not read backwards."""
    with pytest.raises(Unsupported, match="2 time steps or more, not 1"):
        VARIANTS["translation"].module(small_case(variant="translation", seq_len=1))
    with pytest.raises(Unsupported, match="a bidirectional decoder would read"):
        VARIANTS["translation"].module(small_case(variant="translation", bidirectional=True))


def test_speech_has_the_layers_of_the_field():
    """5 layers of 256 both ways on 40, linear 512 → 128, 3 layers of 128, and 29 letters on top."""
    model = network(small_case(variant="speech", task="letters", depth=5, hidden_size=256, input_size=40, bidirectional=True))
    below, above = model.body.below, model.body.above
    assert (below.num_layers, below.input_size, below.hidden_size, below.bidirectional) == (5, 40, 256, True)
    assert tuple(model.body.narrow.weight.shape) == (128, 512)
    assert (above.num_layers, above.input_size, above.hidden_size, above.bidirectional) == (3, 128, 128, False)
    assert tuple(model.head.weight.shape) == (29, 128)


@pytest.mark.parametrize(("name", "task"), ASKED)
def test_flops_count_the_layer_on_top(name, task):
    """The formula of the network and of its task's layer equals torch's count on meta tensors."""
    case = small_case(variant=name, task=task, phase="forward", implementation="loop", **ODD)
    with torch.device("meta"):
        model, x = network(case), torch.empty(case.seq_len, case.batch_size, case.input_size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x)
    assert step_flops(case) == counter.get_total_flops()
    stated = VARIANTS[name].parameters(case)
    assert sum(p.numel() for p in model.body.parameters()) == stated


@pytest.mark.parametrize(("name", "task"), ASKED)
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_every_phase_runs_on_the_test_accelerator(name, task, precision):
    """No tensor is left on the CPU, and the loss is a number."""
    for phase in ("forward", "backward", "train"):
        with workload(variant=name, task=task, phase=phase, precision=precision, device="toy", seq_len=8) as work:
            work.step()
            work.check()
            assert work.output.shape == (8, 2, TASKS[task].classes)


def test_the_ctc_loss_falls():
    """A hundred train steps on speech with letters halve the loss of the first batches."""
    with workload(variant="speech", task="letters", hidden_size=32, seq_len=16, clip_norm=1.0) as work:
        work.train.optimizer.param_groups[0]["lr"] = 1e-2
        losses = []
        for _ in range(100):
            work.step()
            losses.append(float(work.loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_a_source_ends_where_its_translation_begins():
    """The separator stands at the end of the first half; the labels are the translation, each where the word before it is read."""
    split = encode([((0, 1, 2), (2, 1))], 10)
    x, y = split.x[0].tolist(), split.y[0].tolist()
    assert x[4] == SEPARATOR
    assert x[1:4] == [3, 4, 5]
    assert y[4:7] == [*x[5:7], 1 + 1]
    assert y[:4] == [IGNORE] * 4


def test_a_head_is_a_plain_layer():
    """A variant's own output goes through the task's layer."""
    model, x = network(small_case(task="words")), torch.randn(3, 2, 8)
    assert isinstance(model.head, nn.Linear)
    torch.testing.assert_close(model(x), model.head(output_of(model.body(x))))
