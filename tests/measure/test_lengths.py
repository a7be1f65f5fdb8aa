"""Sequences of unlike length: what is drawn, and that padding, packing and buckets leave every real step what it is alone."""

import re
from collections import defaultdict
from dataclasses import replace
from itertools import count

import pytest
import torch
from torch import nn

import tests.toy  # noqa: F401 - registers the device
from rnnbench.budget import Budget
from rnnbench.device.devices import Clock
from rnnbench.errors import Unsupported
from rnnbench.measure import lengths
from rnnbench.measure.kinds import workload_of
from rnnbench.measure.lengths_work import LengthsWork
from rnnbench.measure.measuring import Measurement, _parts, measure_case
from rnnbench.measure.network import output_of
from rnnbench.measure.probes import costs
from rnnbench.measure.probes.kernels import Launched
from rnnbench.measure.rounds import run_rounds
from rnnbench.own_data import BadData
from rnnbench.own_lengths import named
from rnnbench.variants import VARIANTS
from tests.measure.parts import rounds, workload
from tests.tools import small_case

SIZES = {"depth": 2, "hidden_size": 8, "input_size": 5, "batch_size": 3, "seq_len": 7, "task": "random"}


@pytest.fixture(autouse=True)
def own_files(monkeypatch):
    """Files of lengths are afterwards as before."""
    monkeypatch.setattr(lengths, "_FILES", dict(lengths._FILES))


@pytest.fixture
def ours(monkeypatch):
    """`workload` makes the class that a case asks for."""
    monkeypatch.setattr("tests.measure.parts.Workload", LengthsWork)


@pytest.mark.parametrize(("name", "mean"), [("uniform", 0.5), ("skewed", 0.25)])
def test_lengths_are_drawn_as_stated(name, mean):
    """From 1 to seq_len, with the stated mean, the same for a seed, and the same whatever the packing."""
    case = small_case(lengths=name, seq_len=100, batch_size=5000)
    found = lengths.drawn(case, 2)
    assert found.shape == (2, 5000)
    assert (int(found.min()), int(found.max())) == (1, 100)
    assert float(found.double().mean()) / 100 == pytest.approx(mean, abs=0.015)
    assert torch.equal(found, lengths.drawn(replace(case, packing="bucketed"), 2))
    assert not torch.equal(found, lengths.drawn(replace(case, seed=1), 2))


def test_lengths_of_a_file(tmp_path):
    """Drawn from the file's own; one above seq_len is refused with what to set."""
    (tmp_path / "mine.lengths").write_text("3\n\n7\n 3 \n", encoding="utf-8")
    name = lengths.add(tmp_path / "mine.lengths")
    assert name in lengths.known()
    found = lengths.drawn(small_case(lengths=name, seq_len=7, batch_size=300), 1)
    assert set(found.flatten().tolist()) == {3, 7}
    assert float((found == 3).double().mean()) == pytest.approx(2 / 3, abs=0.1)
    with pytest.raises(Unsupported, match="has a length of 7, above seq_len 6: use --set seq_len=7"):
        lengths.drawn(small_case(lengths=name, seq_len=6), 1)


def test_a_file_is_named_by_its_content(tmp_path):
    """So that two versions of a file are two cases; the folder does not matter."""
    names = []
    for folder, text in (("a", "3\n7\n"), ("b", "3\n7\n"), ("c", "3\n8\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "my file.lengths").write_text(text, encoding="utf-8")
        names.append(lengths.add(tmp_path / folder / "my file.lengths"))
    assert names[0] == names[1] != names[2]
    assert all(re.fullmatch(r"my_file:[0-9a-f]{8}", name) for name in names)
    assert str(small_case(lengths=names[0])).endswith(f"-len={names[0]}")


def test_set_takes_a_file(tmp_path):
    """Beside the distributions; the file is loaded as a plugin, once."""
    path = tmp_path / "mine.lengths"
    path.write_text("3\n", encoding="utf-8")
    sets, plugins = named(["depth=2", f"lengths=uniform,{path}", f"lengths={path}"], ["own.py"])
    name = lengths.add(path)
    assert sets == ("depth=2", f"lengths=uniform,{name}", f"lengths={name}")
    assert plugins == ("own.py", str(path))


def test_a_precision_is_tried_whatever_the_file_holds(tmp_path):
    """It is tried on short sequences, which the file's lengths may exceed."""
    (tmp_path / "mine.lengths").write_text("24\n", encoding="utf-8")
    case = small_case(**{**SIZES, "seq_len": 24}, lengths=lengths.add(tmp_path / "mine.lengths"), precision="bf16")
    assert measure_case(case, Budget(max_time_s=0.01, precision=0.5), rounds(3), make=workload_of(case)).metrics["padding_share"] == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no length"),
        ("5\n0\n", r"bad.lengths', line 2: wanted a length, a whole number from 1; found '0'"),
        ("5\n\n-1\n", "line 3: .* found '-1'"),
        ("4.5", "found '4.5'"),
        ("twelve", "found 'twelve'"),
        ("٣", "found '٣'"),
        ("9" * 30, "found '9999"),
    ],
)
def test_a_file_that_holds_no_lengths_is_refused(tmp_path, text, why):
    """With the line and the value."""
    (tmp_path / "bad.lengths").write_text(text, encoding="utf-8")
    with pytest.raises(BadData, match=why):
        lengths.add(tmp_path / "bad.lengths")


@pytest.mark.parametrize(("name", "why"), [("none.lengths", "No such file"), ("a\0.lengths", "null byte"), ("folder.lengths", "directory")])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, why):
    """In a sentence, whatever the name."""
    (tmp_path / "folder.lengths").mkdir()
    with pytest.raises(BadData, match=why):
        lengths.add(f"{tmp_path}/{name}")


def alone(work: LengthsWork, batch) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Outputs of real steps in the order of `batch.real`, and the gradients of their loss, from a loop over single, unpadded sequences."""
    work.model.zero_grad()
    out = torch.zeros(*batch.x.shape[:2], batch.target.shape[-1])
    pieces = {}
    for row, length in enumerate(batch.lengths.tolist()):
        pieces[row] = output_of(work.model(batch.x[:length, row : row + 1]))[:, 0]
    whole = torch.stack([nn.functional.pad(pieces[row], (0, 0, 0, len(out) - len(pieces[row]))) for row in pieces], 1)
    found = whole.flatten(0, 1).index_select(0, batch.real)
    (found - batch.target).square().mean().backward()
    return found.detach(), tuple(one.grad.clone() for one in work.model.parameters())


CAUSAL = ("lstm", "gru", "elman", "min_gru", "mlstm", "ln_lstm", "transformer", "window_attention", "griffin", "lstm_attention", "qrnn")
WAYS = [(name, packing, False) for name in CAUSAL for packing in ("padded", "bucketed")]
WAYS += [(name, "packed", both) for name in ("lstm", "gru", "elman", "elman_relu") for both in (False, True)]


@pytest.mark.parametrize("distribution", ["uniform", "skewed"])
@pytest.mark.parametrize(("name", "packing", "both"), WAYS)
def test_real_steps_are_what_they_are_alone(ours, name, packing, both, distribution):
    """Outputs, loss and gradients of every batch equal those of a loop over its sequences without padding, in both directions too."""
    fields = {**SIZES, "variant": name, "packing": packing, "bidirectional": both, "lengths": distribution, "window": 4}
    with workload(phase="backward", **fields) as work:
        for batch in work._batches:
            work._hold(batch)
            wanted, gradients = alone(work, batch)
            work.model.zero_grad()
            work.forward()
            work.take_loss()
            work.loss.backward()
            torch.testing.assert_close(work._real().detach(), wanted, rtol=1e-4, atol=1e-5)
            assert float(work.loss.detach()) == pytest.approx(float((wanted - batch.target).square().mean()), rel=1e-4)
            for one, by_loop in zip(work.model.parameters(), gradients, strict=True):
                torch.testing.assert_close(one.grad, by_loop, rtol=1e-3, atol=1e-5)


def test_every_packing_reads_the_same_sequences(ours):
    """Each sequence of one packing is in the others, with its length; buckets are sorted, longest first, and end with their longest."""
    seen = {}
    for packing in ("padded", "packed", "bucketed"):
        with workload(phase="train", **{**SIZES, "packing": packing, "lengths": "uniform"}) as work:
            seen[packing] = sorted(
                (length, round(float(batch.x[:, row].double().sum()), 6))
                for batch in work._batches
                for row, length in enumerate(batch.lengths.tolist())
            )
            if packing == "bucketed":
                flat = [length for batch in work._batches for length in batch.lengths.tolist()]
                assert flat == sorted(flat, reverse=True)
                assert [len(batch.x) for batch in work._batches] == [int(batch.lengths.max()) for batch in work._batches]
    assert seen["padded"] == seen["packed"] == seen["bucketed"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"variant": "lstm", "bidirectional": True}, "reads both ways, .* choose packing=packed, or bidirectional=false"),
        ({"variant": "min_gru", "bidirectional": True, "packing": "bucketed"}, "reads both ways, .* choose bidirectional=false"),
        ({"variant": "speech", "bidirectional": True, "seq_len": 64}, "reads both ways"),
        ({"variant": "transformer", "bidirectional": True}, "reads both ways"),
        ({"variant": "early_exit_lstm", "depth": 3, "phase": "train"}, "adapts its depth, which would count padding too"),
        ({"variant": "early_exit_lstm", "depth": 3}, "adapts its depth"),
        ({"variant": "act_lstm", "phase": "train"}, "adapts its depth"),
        ({"variant": "translation", "seq_len": 8}, "reads beyond the end"),
        ({"variant": "min_gru", "packing": "packed"}, r"min_gru \(fused\) does not read packed sequences"),
        ({"variant": "lstm", "implementation": "loop", "packing": "packed"}, r"lstm \(loop\) does not read packed"),
        ({"task": "value"}, "lengths are for task=random"),
        ({"execution": "compile"}, "needs batches of one shape"),
        ({"lengths": "nope"}, "no lengths 'nope'; choose from: fixed, uniform, skewed"),
    ],
)
def test_what_would_compute_something_else_is_unsupported(ours, fields, why):
    """No figure under a label that was not applied."""
    with pytest.raises(Unsupported, match=why), workload(**{"phase": "forward", **SIZES, "lengths": "uniform", **fields}):
        pass


@pytest.mark.parametrize("packing", ["padded", "packed", "bucketed"])
def test_rates_count_real_steps(packing):
    """tokens/s counts time steps without padding, padding_share the rest of what is computed, FLOPs what runs."""
    case = small_case(**SIZES, variant="lstm", lengths="skewed", packing=packing)
    drawn = lengths.drawn(case, 4)
    seen = measure_case(case, Budget(max_time_s=0.01, precision=0.5), rounds(3), make=workload_of(case))
    real, whole = int(drawn.sum()) / 4, case.batch_size * case.seq_len
    assert seen.metrics["tokens_per_s"] == pytest.approx(real / seen.metrics["step_time_s"])
    cuts = drawn.flatten().sort(descending=True).values.view(4, -1)[:, 0].double().mean() * case.batch_size
    computed = {"padded": whole, "packed": real, "bucketed": float(cuts)}[packing]
    assert seen.metrics["step_flops"] == pytest.approx(costs.step_flops(case) * computed / whole)
    if packing == "packed":
        assert seen.absent["padding_share"] == "packed sequences hold no padding"
    else:
        assert seen.metrics["padding_share"] == pytest.approx(1 - real / computed)
    assert any(note.startswith("memory and operators are those of the first of 4 batches: 3 sequences") for note in seen.notes)
    assert (
        (seen.metrics["output_distance"] < 1e-5)
        if packing == "packed"
        else ("this is the reference form" in seen.absent["output_distance"])
    )
    assert "moved_bytes" in seen.absent


@pytest.mark.parametrize(("packing", "turn"), [("padded", 1), ("bucketed", 4)])
def test_a_round_of_uneven_batches_is_a_turn_of_all(ours, packing, turn):
    """So that no batch's own time stands for the step; a round's time is given per step."""
    with workload(phase="forward", **{**SIZES, "packing": packing, "lengths": "uniform"}) as work:
        seen = []
        work.step = lambda: seen.append(1)

        def timed(step, _):
            step()
            step()
            return [8.0, 4.0]

        found = run_rounds(work, lambda: 0.0, timed, {})
    assert len(seen) == 2 * turn
    assert found.times_s == (8.0 / turn, 4.0 / turn)


def test_a_reference_step_takes_the_same_turn(ours):
    """The step and the one without clipping beside it both read every batch of a round."""
    fields = {**SIZES, "packing": "bucketed", "lengths": "uniform", "clip_norm": 1.0}
    with workload(phase="train", **fields) as work:
        steps, read = {"step": [], "beside": []}, work.next_batch

        def noted(which, run):
            def step():
                run()
                steps[which].append(len(work.x))

            return step

        work.step, work.beside = noted("step", read), noted("beside", read)
        work.train = None
        run_rounds(work, Clock(work.device), rounds(3), {})
        sizes = sorted(len(batch.x) for batch in work._batches)
    for read_by in steps.values():
        assert all(sorted(read_by[start : start + 4]) == sizes for start in range(0, len(read_by), 4))


@pytest.mark.parametrize(("packing", "known"), [("padded", True), ("bucketed", False)])
def test_kernels_of_one_batch_are_not_set_against_the_mean_step(monkeypatch, packing, known):
    """The share of waiting is that of one batch only where every batch is as much work."""
    monkeypatch.setattr("rnnbench.measure.instruments.launched", lambda *_: Launched(5, 0.0))
    case = small_case(**SIZES, phase="train", lengths="uniform", packing=packing)
    seen = measure_case(case, Budget(max_time_s=0.01, precision=0.5), rounds(3), make=workload_of(case))
    assert seen.metrics["kernel_launches"] == 5
    assert ("device_wait_share" in seen.metrics) is known
    assert known or seen.absent["device_wait_share"] == "kernels are those of one batch, and batches differ in work"


@pytest.mark.parametrize("packing", ["padded", "bucketed"])
def test_parts_are_those_of_the_rounds(ours, packing):
    """The mean over their whole turns where batches differ: the turn before them and the one after do not count."""
    case = small_case(**SIZES, phase="train", lengths="uniform", packing=packing)
    ticks = count()  # a clock that goes on by 1 at each reading
    with workload(case) as work:
        parts_s: dict[str, list[float]] = defaultdict(list)
        step = work.train.by_parts(lambda: float(next(ticks)), parts_s)
        for _ in range(5 * work.turns):  # a turn before three rounds, and one after them
            step()
        if work.uneven:
            for spent in parts_s.values():
                spent[: work.turns] = spent[-work.turns :] = [100.0] * work.turns
        seen = Measurement(times_s=(1.0, 1.0, 1.0))
        _parts(seen, work, lambda: 0.0, parts_s)
    assert set(seen.metrics.values()) == {1.0}


@pytest.mark.parametrize("packing", ["padded", "packed", "bucketed"])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "pure_bf16"])
def test_a_train_step_runs_and_learns(ours, packing, precision):
    """Clipped, under autocast, the loss of one batch falls."""
    fields = {**SIZES, "packing": packing, "lengths": "uniform", "precision": precision, "clip_norm": 1.0}
    with workload(phase="train", **fields) as work:
        first = None
        for _ in range(40):
            work.rewind()
            work.step()
            work.check()
            first = first or float(work.loss.detach())
        assert float(work.loss.detach()) < first


def test_equal_lengths_are_the_plain_workload():
    """Ids and workloads of cases without lengths are as ever; a label of lengths is in the id."""
    plain = small_case()
    assert "len=" not in str(plain)
    assert workload_of(plain) is not LengthsWork
    other = small_case(lengths="uniform", packing="packed")
    assert workload_of(other) is LengthsWork
    assert str(other).endswith("-len=uniform-pack=packed")


def test_a_little_of_the_padding_is_too_much(ours, monkeypatch):
    """A network that lets a thousandth of the sequence's mean into each step is found."""

    class Leaks(nn.Linear):
        def forward(self, x):
            out = super().forward(x)
            return out + 1e-3 * out.mean(0)

    monkeypatch.setattr("rnnbench.measure.workload.network", lambda case, _notes: Leaks(case.input_size, case.hidden_size))
    with pytest.raises(Unsupported, match="reads beyond the end of a sequence"), workload(**SIZES, phase="forward", lengths="uniform"):
        pass


def test_every_variant_is_exact_or_refused(ours):
    """Of all built-in networks, one-way: padded outputs are those of single sequences, or the case is unsupported."""
    refused = []
    for name in sorted(VARIANTS):
        fields = {**SIZES, "variant": name, "lengths": "uniform", "seq_len": 8, "window": 4, "block_size": 4, "depth": 3}
        try:
            with workload(phase="forward", **fields) as work:
                batch = work._batches[0]
                work._hold(batch)
                work.model.eval()
                with torch.no_grad():
                    work.forward()
                    for row, length in enumerate(batch.lengths.tolist()):
                        single = output_of(work.model(batch.x[:length, row : row + 1]))[:, 0]
                        torch.testing.assert_close(work.output[:length, row], single, rtol=1e-3, atol=1e-4)
        except Unsupported:
            refused.append(name)
    assert {"lstm", "gru", "transformer", "min_gru", "griffin"}.isdisjoint(refused)
    assert refused == ["act_lstm", "early_exit_lstm", "translation", "translation_attention"]
