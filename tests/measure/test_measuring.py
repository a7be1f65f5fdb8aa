"""One case, from first to last: warm-up, rounds, what stands beside, and what is said of it all."""

import statistics
import time

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.budget import Budget
from rnnbench.device.devices import Clock, Device
from rnnbench.device.readings import Readings
from rnnbench.errors import BadValue, UnknownName, Unsupported
from rnnbench.measure import instruments
from rnnbench.measure.baseline import beside_lstm
from rnnbench.measure.measuring import half_width, measure_case
from rnnbench.measure.outcome import record_of, status_of
from rnnbench.measure.steady import warm_up
from rnnbench.record import MEMORY, METRICS, PARTS
from tests import toy
from tests.measure.parts import rounds
from tests.tools import small_case

BUDGET = Budget(max_time_s=0.02, precision=0.5, min_rounds=2)


@pytest.fixture
def virtual(monkeypatch):
    """A clock that only moves when told: a list with the time in it."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def taking(virtual, seconds):
    """Steps that take so many seconds each, and then the last for ever."""
    left = list(seconds)

    def step() -> None:
        virtual[0] += left.pop(0) if len(left) > 1 else left[0]

    return step


@pytest.mark.parametrize(
    ("seconds", "count", "steady"),
    [
        ([1, 1], 3, True),
        ([10, 5, 2, 1, 1, 1], 6, True),
        ([1, 2, 2], 3, True),
        ([1, 0.96, 0.95], 3, True),
        ([5, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.5], 9, True),
    ],
)
def test_warm_up_ends_when_steps_gain_nothing(virtual, seconds, count, steady):
    """Warm-up goes on while a step beats the best before it by more than 5 %, and ends after two in a row that do not."""
    warm = warm_up(taking(virtual, seconds), Clock(Device("cpu")), limit_s=1000)
    assert (warm.rounds, warm.steady) == (count, steady)
    assert warm.seconds == pytest.approx(virtual[0])


@pytest.mark.parametrize(("limit_s", "count"), [(0.001, 1), (35, 2), (60, 4)])
def test_warm_up_ends_when_its_time_is_spent(virtual, limit_s, count):
    """Steps that never settle are cut off at the limit, after at least one, and are not called steady."""
    warm = warm_up(taking(virtual, [20 * 0.9**i for i in range(100)]), Clock(Device("cpu")), limit_s)
    assert (warm.rounds, warm.steady) == (count, False)


def test_warm_up_that_was_cut_off_is_noted():
    """A case that was not steady says so in its record, and which option helps."""
    seen = measure_case(small_case(), Budget(max_time_s=1e-9, precision=0.5), rounds(3))
    assert any("not steady after" in note and "--case-budget" in note for note in seen.notes)


@given(st.lists(st.floats(0.001, 10), min_size=2, max_size=30), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_half_width_is_the_normal_intervals(times, confidence):
    """half_width_ratio is scipy's normal confidence interval of the mean, over the mean."""
    mean, error = statistics.fmean(times), scipy.stats.sem(times)
    assert half_width(times, confidence) == pytest.approx(error * scipy.stats.norm.ppf(0.5 + confidence / 2) / mean, abs=1e-9)


def test_one_sample_has_no_half_width():
    """A single round has no spread: none, not 0, with a reason."""
    assert half_width([1.0], 0.95) is None
    seen = measure_case(small_case(), BUDGET, rounds(1))
    assert "half_width_ratio" not in seen.metrics
    assert seen.absent["half_width_ratio"] == "one round has no spread"


@pytest.mark.parametrize("device", ["cpu", "toy"])
@pytest.mark.parametrize("phase", ["forward", "backward", "train"])
def test_every_figure_is_there_or_has_a_reason(device, phase):
    """A record holds each time and memory figure, or says why it has none; never both, and never an unknown name."""
    seen = measure_case(small_case(device=device, phase=phase), BUDGET, rounds(4))
    expected = {"step_time_s", "tokens_per_s", "sequences_per_s", "parameters", "rounds", "measured_s", "warmup_rounds", "half_width_ratio"}
    expected |= {*MEMORY, "peak_allocated_bytes", "peak_reserved_bytes", "peak_rss_growth_bytes"}
    assert expected <= {*seen.metrics, *seen.absent}
    assert not {*seen.metrics} & {*seen.absent}
    assert {*seen.metrics, *seen.absent} <= {*METRICS}
    assert all(seen.absent.values())
    timed = {name for name in PARTS if name in seen.metrics}
    assert timed == ({"zero_grad_s", "forward_s", "loss_s", "backward_s", "optimizer_s"} if phase == "train" else set())


def test_rates_follow_from_the_median():
    """Tokens and sequences a second are the step's content over the median of the raw samples, which are kept."""
    case = small_case(batch_size=2, seq_len=3)
    seen = measure_case(case, BUDGET, lambda step, clock, *_: [step(), 0.5, 0.25, 4.0][1:])
    assert seen.times_s == (0.5, 0.25, 4.0)
    assert (seen.metrics["step_time_s"], seen.metrics["measured_s"], seen.metrics["rounds"]) == (0.5, 4.75, 3)
    assert (seen.metrics["tokens_per_s"], seen.metrics["sequences_per_s"]) == (12, 4)


def test_samples_beside_belong_to_their_rounds(virtual):
    """The i-th sample beside was taken in the i-th timed round: each pair has the same ratio when both drift together."""
    count = {"step": 0, "other": 0}
    drift = [1.0, 5.0, 2.0, 9.0, 3.0, 7.0, 4.0, 8.0, 6.0]

    def beside(work):
        real = work.step

        def step() -> None:
            real()
            virtual[0] += drift[count["step"] % len(drift)]
            count["step"] += count["other"] > 0  # the warm-up before the first step beside does not count

        def other() -> None:
            virtual[0] += 2 * drift[(count["other"] - 1) % len(drift)]
            count["other"] += 1

        work.step = step
        return "twice as long", other

    seen = measure_case(small_case(phase="forward"), Budget(max_time_s=100, precision=0.5), rounds(7), beside=beside)
    assert seen.beside == "twice as long"
    assert len(set(seen.times_s)) > 3
    assert [b / a for a, b in zip(seen.times_s, seen.beside_times_s, strict=True)] == pytest.approx([2.0] * 7)
    assert seen.metrics["beside_ratio"] == pytest.approx(0.5)


def test_clipping_is_compared_with_none():
    """A clipped case is measured beside the same step without clipping, a sample for each round."""
    seen = measure_case(small_case(clip_norm=1.0), BUDGET, rounds(6))
    assert seen.beside == "no clipping"
    assert len(seen.beside_times_s) == len(seen.times_s) == 6
    differences = [a - b for a, b in zip(seen.times_s, seen.beside_times_s, strict=True)]
    assert seen.metrics["clip_cost_s"] == statistics.median(differences)


def test_what_stands_beside_takes_no_time_of_the_round(virtual):
    """However long the step beside takes, the round's own time is the step's."""

    def beside(work):
        real = work.step

        def step() -> None:
            real()
            virtual[0] += 1.0

        def other() -> None:
            virtual[0] += 100.0

        work.step = step
        return "slow", other

    seen = measure_case(small_case(phase="forward"), Budget(max_time_s=100, precision=0.5), rounds(5), beside=beside)
    assert seen.times_s == pytest.approx((1.0,) * 5)
    assert seen.beside_times_s == pytest.approx((100.0,) * 5)


def test_device_peaks_are_those_of_a_step():
    """On a device that counts, the peak covers weights, gradients, optimizer and activations of the steps after warm-up."""
    import gc

    import torch

    gc.collect()
    held = torch.toy.memory_allocated()
    seen = measure_case(small_case(device="toy", hidden_size=64), BUDGET, rounds(3))
    parts = sum(seen.metrics[name] for name in MEMORY)
    assert seen.metrics["peak_allocated_bytes"] - held >= parts
    assert seen.metrics["peak_reserved_bytes"] >= seen.metrics["peak_allocated_bytes"]
    assert "peak_rss_growth_bytes" in seen.absent


def test_a_case_that_runs_out_of_memory_is_told(monkeypatch):
    """The device's own out-of-memory error becomes the status `oom`, with its words."""
    from tests.toy import TOY

    monkeypatch.setattr(TOY, "capacity_bytes", 0)
    with pytest.raises(Exception, match="out of memory") as caught:
        measure_case(small_case(device="toy"), BUDGET, rounds(1))
    assert status_of(caught.value)[0] == "oom"


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (Unsupported("no fp8 here"), "unsupported", "no fp8 here"),
        (MemoryError(), "oom", "MemoryError"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
            "oom",
            "RuntimeError: ",
        ),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "failed", "RuntimeError: CUDA error"),
        (ValueError("returned shape (1,)"), "failed", "ValueError: returned shape (1,)"),
        (KeyError("x"), "failed", "KeyError: 'x'"),
    ],
)
def test_an_error_becomes_a_status_with_a_reason(error, status, reason):
    """Which exception means which status, and that the reason is its own words."""
    found = status_of(error)
    assert found[0] == status
    assert found[1].startswith(reason)


def test_a_suite_that_measures_nothing_is_told():
    """A suite function that never calls measure() leaves a failed record that says so."""
    record = record_of(small_case(), 0, None, None, "", 1)
    assert (record.status, record.reason) == ("failed", "the suite's function did not call measure()")


def test_a_metric_that_no_table_explains_is_not_recorded():
    """A figure whose name is not in METRICS makes the case fail with the name, so that no report meets it without unit or meaning."""
    measured = measure_case(small_case(), BUDGET, rounds(2))
    measured.metrics["step_tme_s"] = 1.0
    record = record_of(small_case(), 0, measured, None, "", 1)
    assert record.status == "failed"
    assert record.reason.startswith("unknown metric 'step_tme_s'; choose from: step_time_s")


@pytest.mark.parametrize(
    "changes",
    [{"max_time_s": 0}, {"max_time_s": -1}, {"max_time_s": float("nan")}, {"precision": 1.5}, {"min_rounds": 0}, {"max_time_s": 1e9}],
)
def test_a_budget_out_of_range_is_quoted(changes):
    """A time budget, precision or number of rounds that makes no sense is refused with its value, under its option's name."""
    ((name, value),) = changes.items()
    option = {"max_time_s": "--case-budget", "precision": "--precision-goal", "min_rounds": "--min-rounds"}[name]
    with pytest.raises(BadValue, match=f"{option}={value!r} is invalid: expected a number"):
        Budget.of("quick", changes)


def test_an_unknown_preset_lists_those_that_are():
    """The presets are named, nearest first."""
    with pytest.raises(UnknownName, match="unknown preset 'fulll'; choose from: full, quick, standard"):
        Budget.of("fulll")


class Hot:
    """An instrument of a device that slowed itself for all of its first rounds."""

    shares: list[float] = []  # noqa: RUF012 - set by the test

    def stop(self) -> Readings:
        return Readings(metrics={"throttled_share": self.shares.pop(0)})


def test_what_was_measured_hot_is_measured_again(monkeypatch):
    """Once, after a cool-down, which the record tells; the second rounds are the figures."""
    monkeypatch.setattr(Hot, "shares", [1.0, 0.0])
    monkeypatch.setattr(instruments, "watch", lambda _: Hot())
    monkeypatch.setattr(instruments, "cool_down", lambda _: 7.0)
    taken = iter([3, 5])
    seen = measure_case(small_case(), Budget(max_time_s=0.01, precision=0.5), lambda *given: rounds(next(taken))(*given))
    assert len(seen.times_s) == 5
    assert seen.metrics["throttled_share"] == 0.0
    assert "throttled during most of the first attempt; these rounds were measured again after cooling down for 7 s" in seen.notes
    assert not list(taken)


def test_a_record_says_which_form_ran(monkeypatch):
    """Where `fused` is another form on a device, a note names it and the layers; where it is what it says, there is none."""
    assert not any("ran as" in note for note in measure_case(small_case(variant="min_gru"), BUDGET, rounds(2)).notes)
    monkeypatch.setattr("rnnbench.variants.kernels.run_on", lambda x: True)
    monkeypatch.setattr("rnnbench.variants.kernels.version", lambda package: "3.9.0")
    monkeypatch.setattr("rnnbench.variants.min_rnn.MinRnn.triton", lambda self, x: self.scan(x))
    seen = measure_case(small_case(variant="min_gru", depth=2), BUDGET, rounds(2))
    assert "fused ran as triton in 2 of 2 layers, compiled by triton 3.9.0" in seen.notes


def test_peaks_are_of_the_case_alone():
    """A network that runs beside the case, with its weights, optimizer state and batches, is not in the case's peak."""
    peaks = []
    for beside in (None, beside_lstm(256)):
        seen = measure_case(small_case(device="toy", variant="gru"), BUDGET, rounds(3), beside=beside)
        peaks.append(seen.metrics["peak_allocated_bytes"])
    assert seen.beside == "fused lstm, hidden size 256"
    assert peaks[0] == peaks[1]


def test_power_of_other_work_gives_no_energy():
    """Where the rounds held more than the step, their power is not the step's: no joules, and what to do about it."""
    found = instruments.energy({"mean_power_w": 100.0, "step_time_s": 0.1}, {}, 10, other_work="fused lstm")
    assert "step_energy_j" not in found.metrics
    assert "--energy-budget" in found.absent["step_energy_j"]


def test_every_round_has_its_device_time_beside_its_wall_time():
    """A device with events marks each timed round with its own: as many as rounds, none longer than the clock, read when all are over."""
    with toy.watch() as log:
        seen = measure_case(small_case(device="toy", phase="train"), BUDGET, rounds(4), beside=beside_lstm())
    assert len(seen.device_times_s) == len(seen.times_s) == 4
    assert all(0 <= own <= wall for own, wall in zip(seen.device_times_s, seen.times_s, strict=True))
    assert seen.metrics["device_time_s"] == statistics.median(seen.device_times_s)
    assert seen.metrics["back_to_back_s"] > 0
    assert log


def test_a_cpu_has_no_events():
    """On a CPU the clock is all there is."""
    seen = measure_case(small_case(), BUDGET, rounds(3))
    assert not seen.device_times_s
    assert "device_time_s" not in seen.metrics
    assert "back_to_back_s" not in seen.metrics
