"""Bytes: exact where tensors are counted, and honest where the kernel is asked."""

import gc

import pytest
import torch
from torch import nn

import tests.toy  # noqa: F401 - registers the device
from rnnbench.case import Case
from rnnbench.measure.probes import memory
from rnnbench.measure.probes.weights import weights_of
from rnnbench.variants import VARIANTS
from tests.measure.parts import workload
from tests.tools import small_case

MIB = 2**20


@pytest.mark.parametrize(
    ("precision", "seq_len", "mib"),
    [
        ("fp32", 64, 102.34765625),
        ("fp32", 128, 203.34765625),
        ("fp32", 256, 405.34765625),
        ("bf16", 64, 73.984375),
        ("bf16", 128, 143.984375),
        ("bf16", 256, 283.984375),
    ],
)
def test_activations_equal_the_field_notes(precision, seq_len, mib):
    """Three LSTM layers, batch 32, hidden 256: the activation bytes are the published ones, to the byte."""
    case = Case(suite="s", depth=3, hidden_size=256, input_size=256, batch_size=32, seq_len=seq_len, precision=precision, phase="backward")
    with workload(case) as work:
        assert memory.activation_bytes(work.forward, work.model) / MIB == mib


@pytest.mark.parametrize("variant", ["elman", "lstm", "gru"])
@pytest.mark.parametrize("device", ["cpu", "toy"])
def test_meta_tensors_count_the_same(variant, device):
    """A network written out in Python keeps as many bytes on tensors without data as on real ones, on any device."""
    case = small_case(variant=variant, implementation="loop", depth=2, bidirectional=True)
    counts = []
    for where in (device, "meta"):
        model = VARIANTS[variant].module(case).to(where)
        x = torch.ones(case.seq_len, case.batch_size, case.input_size).to(where)
        counts.append(memory.activation_bytes(lambda model=model, x=x: model(x), model))
    assert counts[0] == counts[1] > 0


def test_a_storage_is_counted_once():
    """Views and repeats of one tensor are one storage; what autograd does not keep is not counted."""
    weight = nn.Parameter(torch.ones(10))
    model = nn.ParameterList([weight])
    x = torch.ones(1000)

    def forward():
        y = x[:10] * weight
        return (y * x[10:20].exp()).sum() + (x[:10] * weight).sum()

    assert memory.activation_bytes(forward, model) == 4 * (1000 + 10)


def test_counting_keeps_nothing():
    """Once activations are counted, everything that the forward pass made is freed with its output."""
    with workload(device="toy", phase="backward", implementation="loop") as work:
        work.step()
        work.output = work.loss = work.x
        work.model.zero_grad()
        gc.collect()
        before = torch.toy.memory_allocated()
        assert memory.activation_bytes(work.forward, work.model) > 0
        work.output = work.x
        gc.collect()
        assert torch.toy.memory_allocated() == before


def test_parameters_are_no_activations():
    """A parameter that autograd keeps is left out, whatever its size."""
    model = nn.Linear(1000, 1000, bias=False)
    x = torch.ones(3, 1000)
    assert memory.activation_bytes(lambda: model(x), model) == x.nbytes


def test_activations_grow_with_each_step_and_layer():
    """One more time step or layer adds the same bytes each time."""

    def kept(**fields) -> int:
        with workload(phase="backward", implementation="loop", **fields) as work:
            return memory.activation_bytes(work.forward, work.model)

    by_step = [kept(seq_len=length) for length in (4, 5, 6)]
    by_layer = [kept(depth=depth) for depth in (2, 3, 4)]
    assert by_step[1] - by_step[0] == by_step[2] - by_step[1] > 0
    assert by_layer[1] - by_layer[0] == by_layer[2] - by_layer[1] > 0


@pytest.mark.parametrize("phase", ["backward", "train"])
def test_bytes_of_weights_gradients_and_optimizer(phase):
    """A gradient is as large as its parameter; AdamW keeps two more of each, and a step count."""
    with workload(variant="gru", phase=phase, depth=2, hidden_size=5, input_size=3) as work:
        work.step()
        scalars = 3 * 5 * ((3 + 5 + 2) + (5 + 5 + 2))
        tensors = len(list(work.model.parameters()))
        assert weights_of(work.model).bytes == 4 * scalars
        assert memory.gradient_bytes(work.model) == 4 * scalars
        if work.train:
            assert work.train.state_bytes() == 2 * 4 * scalars + 4 * tensors


def test_frozen_parameters_are_not_trained():
    """Frozen weights are storage like any others, but neither trained nor given a gradient."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[0].requires_grad_(False)
    model(torch.ones(1, 4)).sum().backward()
    found = weights_of(model)
    assert found.bytes == 2 * 4 * 20
    assert found.trainable_bytes == memory.gradient_bytes(model) == 4 * 20


def test_the_resident_peak_follows_what_is_held():
    """The peak grows with memory that is touched, outlives its release, and falls when it is reset."""
    peak, size = memory.ResidentPeak(), 256 * MIB
    peak.reset()
    try:
        quiet = peak.growth_bytes()
    except LookupError as error:
        pytest.skip(str(error))
    block = bytearray(b"x") * size
    grown = peak.growth_bytes()
    del block
    gc.collect()
    after = peak.growth_bytes()
    peak.reset()
    reset = peak.growth_bytes()
    slack = 8 * MIB  # the kernel counts in batches of pages
    assert quiet < slack
    assert size - slack < grown < size + slack
    assert after >= grown - slack
    assert reset < size / 2


def test_a_peak_that_cannot_be_reset_has_a_reason(tmp_path, monkeypatch):
    """Where the kernel refuses, there is a reason and no figure."""
    monkeypatch.setattr(memory.ResidentPeak, "_CLEAR", tmp_path / "nowhere" / "clear_refs")
    peak = memory.ResidentPeak()
    peak.reset()
    with pytest.raises(LookupError, match="high-water mark cannot be reset here"):
        peak.growth_bytes()


def test_a_branch_that_leads_to_no_result_is_not_kept():
    """What autograd saved for a branch that was dropped is freed with it, long before a backward pass, and is not counted."""
    x = torch.ones(1000, requires_grad=True)

    def forward() -> torch.Tensor:
        kept = (x * 2).exp()
        (kept * 3).exp().sin()
        return kept

    assert memory.activation_bytes(forward, nn.Identity()) == 4000


@pytest.mark.parametrize("variant", ["mlstm", "lstm", "gru", "min_gru", "transformer"])
def test_activations_are_what_the_graph_holds(variant):
    """The bytes are those of a walk over the graph itself, from the output down, through what every node has saved."""
    from rnnbench.variants import VARIANTS

    case = small_case(variant=variant, seq_len=150, hidden_size=16, implementation="loop" if variant in ("lstm", "gru") else "fused")
    torch.manual_seed(0)
    model, x = VARIANTS[variant].module(case), torch.randn(150, 2, 8)
    output = model(x)
    own = {p.untyped_storage()._cdata for p in model.parameters()}
    found, seen, left = {}, set(), [output.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        left += [after for after, _ in node.next_functions]
        saved = [getattr(node, name) for name in dir(node) if name.startswith("_saved_")]
        saved += list(getattr(node, "saved_tensors", ()))
        for tensor in torch.utils._pytree.tree_leaves(saved):
            if isinstance(tensor, torch.Tensor) and tensor.dim() and tensor.untyped_storage()._cdata not in own:  # no Python number
                found[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes(), tensor
    assert memory.activation_bytes(lambda: model(x), model) == sum(size for size, _ in found.values())
