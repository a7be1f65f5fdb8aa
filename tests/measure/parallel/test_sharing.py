"""How a case is shared among processes, in one process: shares, parts, refusals, and who is behind."""

from collections import defaultdict
from dataclasses import replace
from itertools import count

import pytest
import torch

from rnnbench.budget import Budget
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import FORMATS, in_format
from rnnbench.errors import Unsupported
from rnnbench.measure.lengths_work import LengthsWork
from rnnbench.measure.measuring import measure_case
from rnnbench.measure.parallel import sharing
from rnnbench.measure.parallel.data_parallel import DataParallel
from rnnbench.measure.parallel.progress_marks import ProgressMarks
from rnnbench.measure.parallel.sharing import part_of, refuse, sequences
from rnnbench.measure.parallel.world import join
from rnnbench.measure.workload import Workload
from rnnbench.record import Trial
from rnnbench.runs.plan import Plan
from tests.measure.parts import rounds
from tests.tools import small_case

CPU = Device("cpu")


def shared_step(**fields):
    """A step of one process, in float64 all through."""
    with in_format("fp32", CPU) as form:
        work = DataParallel(small_case(batch_size=4, **fields), CPU, form, Clock(CPU))
        work._task = replace(work._task, loss=torch.nn.functional.mse_loss)  # without its step to fp32
        work.step()
    return [weight.grad for weight in work.model.parameters()]


@pytest.mark.parametrize(
    ("fields", "of_process", "at_once", "together"),
    [
        ({"processes": 4}, 2, 2, 8),
        ({"processes": 4, "scaling": "weak"}, 8, 8, 32),
        ({"processes": 2, "accumulation": 2}, 4, 2, 8),
        ({"processes": 2, "scaling": "weak", "accumulation": 4}, 8, 2, 16),
    ],
)
def test_a_batch_is_shared(fields, of_process, at_once, together):
    """Strong scaling shares the batch, weak scaling gives each process one of its own; parts divide what a process has."""
    case = small_case(batch_size=8, **fields)
    assert (sharing.of_process(case), part_of(case).batch_size, sequences(case)) == (of_process, at_once, together)
    assert part_of(case).processes == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"processes": 2, "phase": "forward"}, "choose phase=train"),
        ({"accumulation": 2, "phase": "backward"}, "choose phase=train"),
        ({"processes": 3}, "a batch of 4 cannot be divided evenly"),
        ({"accumulation": 3}, "choose a multiple of 3"),
        ({"processes": 4096, "scaling": "weak"}, "4096 processes need 4096 cores, but this machine has"),
    ],
)
def test_what_cannot_be_shared_is_refused(fields, words, monkeypatch):
    """Each refusal is a sentence that says what would do."""
    monkeypatch.delenv(sharing.THREADS_VARIABLE, raising=False)
    with pytest.raises(Unsupported, match=words):
        refuse(small_case(**{"batch_size": 4, "phase": "train", **fields}), CPU)


def test_threads_count_as_cores(monkeypatch):
    """Processes of several threads need as many cores; without a word on threads each has one, as under torchrun."""
    monkeypatch.setenv(sharing.THREADS_VARIABLE, "4096")
    with pytest.raises(Unsupported, match="2 processes of 4096 threads each need 8192 cores"):
        refuse(small_case(processes=2), CPU)
    monkeypatch.setenv(sharing.THREADS_VARIABLE, "many")
    assert sharing.threads() == 1


def test_alone_a_process_says_what_it_lacks():
    """Without torchrun there are no others to meet."""
    with pytest.raises(Unsupported, match="2 processes are required, this is one process: use rnnbench run"):
        join(small_case(processes=2), CPU)


def test_parts_add_up_to_the_whole_batchs_gradients():
    """In float64, a batch in two parts has the gradients of the batch at once, within 1e-12 of the largest."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        whole, parts = shared_step(), shared_step(accumulation=2)
    finally:
        torch.set_default_dtype(before)
    largest = max(float(one.abs().max()) for one in whole)
    assert largest > 1e-4
    assert max(float((a - b).abs().max()) for a, b in zip(whole, parts, strict=True)) <= 1e-12 * largest


def test_times_of_parts_add_up():
    """Where a step runs several passes, each part's time is theirs together: by a clock that ticks once a reading, four of each."""
    ticks, spent = count(), defaultdict(list)
    with in_format("fp32", CPU) as form:
        work = DataParallel(small_case(batch_size=4, accumulation=4), CPU, form, Clock(CPU))
        work.train.by_parts(lambda: next(ticks), spent)()
    assert spent == {"zero_grad_s": [1], "forward_s": [4], "loss_s": [4], "backward_s": [4], "optimizer_s": [1]}


def test_one_process_sends_nothing():
    """Its tokens are those of the batch, and communication is absent with the reason."""
    case = small_case(batch_size=4, accumulation=2)
    seen = measure_case(case, Budget(max_time_s=0.01, precision=0.5, min_rounds=3), rounds(5), make=DataParallel)
    assert seen.metrics["tokens_per_s"] * seen.metrics["step_time_s"] == pytest.approx(4 * case.seq_len)
    assert seen.absent["communication_share"] == "a single process does not communicate"


def test_the_board_names_who_is_behind():
    """Whoever has made fewest marks is behind; nobody is where all have made as many."""
    marks = ProgressMarks(3)
    assert marks.behind() == ()
    for rank in (0, 2, 2):
        marks.mark(rank)
    assert marks.who_is_late() == "rank 1 of 3 did not reach the point where the others waited"
    marks.mark(1)
    assert marks.behind() == (0, 1)
    assert marks.who_is_late().startswith("ranks 0, 1 of 3")


def test_a_case_of_several_processes_has_a_job_of_its_own():
    """Where cases share a process, those of several processes do not."""
    cases = [small_case(), small_case(seed=1), small_case(processes=2), small_case(processes=2, seed=1)]
    found = type("Found", (), {"suite": type("Suite", (), {"name": "test"}), "path": "bench_test.py"})
    plan = Plan(found=(found,), tasks=tuple(Trial(case, 0) for case in cases), budget=Budget.of("quick"), plugins=(), isolation="suite")
    assert [len(job.tasks) for job in plan.jobs(plan.tasks)] == [2, 1, 1]


@pytest.mark.parametrize(("kind", "tried"), [(Workload, Workload), (DataParallel, Workload), (LengthsWork, LengthsWork)])
def test_a_precision_is_tried_by_one_process_alone(monkeypatch, kind, tried):
    """Of several, each tries it by itself: a network that is shared would wait for processes that try another."""
    kinds = []
    for module in ("workload", "lengths_work"):
        monkeypatch.setattr(f"rnnbench.measure.{module}.probe", lambda _case, _device, _form, which: kinds.append(which))
    kind.probe(small_case(precision="bf16"), CPU, FORMATS["bf16"])
    assert kinds == [tried]
