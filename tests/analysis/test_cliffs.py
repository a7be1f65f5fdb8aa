"""Cliffs: planted steps, blocks and bargains are found, smooth costs are not, and kernels have names."""

import random
from dataclasses import replace

import pytest

from rnnbench.analysis.cliffs import aligned, bargain, cliffs, series
from rnnbench.analysis.frames import Loaded, by_case, frame
from rnnbench.case import Case
from rnnbench.measure.probes import kernels
from rnnbench.record import Record
from rnnbench.reports.content import views
from rnnbench.reports.forms.page import render
from rnnbench.reports.topics.order import sentences
from tests.measure.parts import workload
from tests.reports.factory import run

HIDDEN = (480, 488, 496, 500, 504, 508, 510, 511, 512, 513, 514, 516, 520, 528, 536, 544)
VERBOSE = """onednn_verbose,v1,info,oneDNN v3.7.1 (commit x)
onednn_verbose,v1,primitive,exec,cpu,inner_product,brgemm:avx512_core,forward_training,src_f32:a,,,mb1ic512oc2048,0.5
onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src_f32:a,,,512x2048,0.2
onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src_f32:a,,,512x2048,0.4
onednn_verbose,v1,primitive,exec,cpu,torn"""


def swept(axis, values, cost, names=lambda value: ("a",)):
    """A run of a suite along one size: `cost` is the seconds of a FLOP, with noise of a thousandth."""
    luck, records = random.Random(1), []
    for value in values:
        case = Case(suite="cliffs", phase="forward", depth=1, **{axis: value})
        flops = 8 * case.hidden_size * (case.hidden_size + case.input_size) * case.batch_size * case.seq_len
        times = tuple(flops * cost(value) * (1 + luck.gauss(0, 0.001)) for _ in range(20))
        metrics = {"step_time_s": sorted(times)[10], "step_flops": flops}
        records.append(Record(case=case, status="ok", times_s=times, metrics=metrics, kernels=names(value)))
    return run(records)


def only(found):
    (one,) = series(by_case(frame(found)))
    return one


def test_a_step_is_found_where_it_is_with_its_kernels():
    """From a batch of 9 on a FLOP costs half; overheads that shrink with the batch are no step."""
    found = swept(
        "batch_size", range(1, 25), lambda b: 1e-11 * b**-0.2 * (0.5 if b >= 9 else 1), lambda b: ("new",) if b >= 9 else ("old",)
    )
    (cliff,) = cliffs(only(found))
    assert (cliff.before, cliff.after, cliff.kernels) == (8, 9, (("old",), ("new",)))
    assert cliff.ratio == pytest.approx(0.5, rel=0.03)


def test_a_smooth_cost_has_no_cliff():
    """A cost that falls as a power of the size neither steps nor fits blocks, nor is anything larger cheaper."""
    one = only(swept("hidden_size", HIDDEN, lambda h: 1e-11 * h**-0.5))
    assert not cliffs(one)
    assert aligned(one) is None
    assert bargain(one) is None


def test_multiples_of_a_block_are_told_from_others():
    """Where multiples of 8 cost 0.7, that is said of 8; and 512 costs less than 511."""
    one = only(swept("hidden_size", HIDDEN, lambda h: 1e-11 * (0.7 if h % 8 == 0 else 1)))
    block = aligned(one)
    assert (block.block, block.ratio) == (8, pytest.approx(0.7, rel=0.02))
    best = bargain(one)
    assert best.less < best.more
    assert best.less % 8 > best.more % 8 == 0


def test_what_is_hardly_known_is_no_evidence():
    """Cases whose median is known no better than ±10 % make no sweep, so no claim comes of a busy machine."""
    found = swept("hidden_size", HIDDEN, lambda h: 1e-11 * (0.7 if h % 8 == 0 else 1))
    loud = [replace(one, times_s=tuple(t * (1 if i % 2 else 2) for i, t in enumerate(one.times_s))) for one in found.records]
    assert not list(series(by_case(frame(run(loud)))))


def test_the_report_says_it_and_draws_it():
    """The headline is the bargain, in words; the figure of the cost of a FLOP is its evidence; hostile names are escaped."""
    found = swept("hidden_size", HIDDEN, lambda h: 1e-11 * (0.7 if h % 8 == 0 else 1), lambda h: ("<b>sgemm",) if h % 8 else ("mma",))
    (view,) = views([found])
    first, second, *_ = sentences(view)
    assert "Hidden size 512 is faster than 511" in first.text
    assert "--processes" in first.text
    assert "a hidden size divisible by 8 is 1.4" in second.text
    page = render([Loaded(found)])
    assert f'id="{first.evidence}"' in page
    assert "<b>sgemm" not in page


def test_onednns_account_is_read():
    """Kind and implementation of each primitive, the longest in all first; what is no line of it is passed over."""
    assert kernels.parsed(VERBOSE) == ("reorder jit:uni", "inner_product brgemm:avx512_core")
    assert kernels.parsed("") == ()


@pytest.mark.parametrize("sizes", [{"variant": "lstm", "implementation": "fused"}, {"variant": "elman", "implementation": "loop"}])
def test_a_step_names_what_it_ran(sizes, capfd):
    """Every step has names, and none of the library's own account reaches the output."""
    with workload(phase="forward", **sizes) as work:
        work.step()
        found = kernels.names(work.step, work.device)
    assert 1 <= len(found) <= kernels.MOST
    assert "onednn_verbose" not in capfd.readouterr().out
    print(found)
