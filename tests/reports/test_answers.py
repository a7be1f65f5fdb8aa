"""Sentences say what the data carry, and no more."""

from dataclasses import replace

import pytest

from rnnbench.record import Record
from rnnbench.reports.content import views
from rnnbench.reports.topics.order import sentences
from tests.reports import factory

BOTH = {"variant": ("lstm", "gru")}


def said(records: list[Record]) -> list[str]:
    (view,) = views([factory.run(records)])
    return [one.text for one in sentences(view)]


def measured(suite: str, **axes) -> list[Record]:
    return [factory.record(case) for case in factory.cases(suite, **axes)]


def test_a_layer_has_its_price():
    """The depth suite's headline gives the planted cost of a layer with its interval, and the exact activations."""
    headline = said(measured("depth", depth=(1, 2, 4, 8)))[0]
    assert headline.startswith(
        "Each additional layer adds 64.8 ms (95 % CI 64.6–65.0 ms) and 24.0 MiB of activation memory to a train step of lstm"
    )


def test_a_flat_curve_adds_no_clear_time():
    """Where depth changes nothing, the interval of the rate contains zero and stands in the sentence all the same."""
    times = {1: 1.000, 2: 1.004, 4: 0.998, 8: 1.001}
    records = [factory.record(case, step=lambda case: times[case.depth]) for case in factory.cases("depth", depth=(1, 2, 4, 8))]
    headline = said(records)[0]
    assert headline.startswith("An additional layer adds no clear time to a train step of lstm (fp32) (95 % CI -")
    assert "; it adds 24.0 MiB of activation memory" in headline


def test_precision_is_a_speed_up():
    """bf16 is quoted against fp32 over every matched pair."""
    assert any(
        text.startswith("bf16 is 2.5") and "faster than fp32" in text and "23 matched pairs" in text
        for text in said(list(factory.depth_run().records))
    )


def test_failures_are_counted():
    """A case out of memory is in the first sentences, with its reason."""
    assert any(text.startswith("1 of 48 cases ran out of memory: RuntimeError") for text in said(list(factory.depth_run().records)))


@pytest.mark.parametrize(
    ("suite", "axes", "start"),
    [
        ("length", {"seq_len": (32, 64, 128, 256)}, "Each additional time step adds"),
        ("batch", {"batch_size": (1, 4, 16, 64)}, "A train step of lstm (fp32) reaches its highest throughput"),
        ("width", {"hidden_size": (64, 128, 256, 512)}, "Doubling the hidden size makes a train step of lstm (fp32) take 4"),
        ("precision", {"precision": ("fp32", "bf16")}, "bf16 is 2.5"),
        ("direction", {"bidirectional": (False, True)}, "a bidirectional network is 2.0"),
        ("implementation", {"implementation": ("loop", "fused")}, "loop is 4."),
        ("clipping", {"clip_norm": (1.0,), "depth": (1, 2, 4)}, "Gradient clipping costs 301 µs per step"),
        ("harness", {"hidden_size": (16, 64)}, "The step time differs from that of the bare loop by +0.3 %"),
    ],
)
def test_every_suite_has_a_headline(suite: str, axes: dict, start: str):
    """Whatever is swept, the first sentence answers the suite's question."""
    assert said(measured(suite, **BOTH, **axes))[0].startswith(start)


def test_two_points_make_no_rate():
    """From two depths no cost a layer is claimed, only where the time went from and to."""
    headline = said(measured("depth", depth=(1, 2)))[0]
    assert headline.startswith("A train step of lstm (fp32) takes ")
    assert "at 1 layer and" in headline
    assert "each additional" not in headline.lower()


def test_a_bent_curve_gets_no_rate():
    """Where neither a line nor a power law fits, the bend is told instead."""
    step = lambda case: 0.01 if case.depth < 8 else 0.5  # noqa: E731
    text = said([factory.record(case, step=step) for case in factory.cases("depth", depth=(1, 2, 4, 8))])[0]
    assert "Growth is uneven: a doubling takes" in text


def test_a_bend_is_described_by_what_one_more_costs():
    """Where the cost of a layer changes, both ends of it are the headline."""
    step = lambda case: {1: 0.010, 2: 0.030, 4: 0.050, 8: 0.090}[case.depth]  # noqa: E731
    text = said([factory.record(case, step=step, noise=0.001) for case in factory.cases("depth", depth=(1, 2, 4, 8))])[0]
    assert text.startswith("An additional layer adds 20.0 ms between 1 and 2 layers and 10.0 ms between 4 and 8 to a train step of lstm")


def test_noise_is_not_a_finding():
    """Under heavy noise no variant is called faster, and the noise is named."""
    texts = said([factory.record(case, noise=0.6, rounds=12) for case in factory.cases("depth", variant=("a", "b"), depth=(1, 2))])
    assert any("Inconclusive: " in text for text in texts)
    assert not any(text.startswith(("a is", "b is")) for text in texts)
    assert texts[0].startswith("Too noisy to rely on")


def test_some_noise_is_told_last():
    """A noisy case among many does not push the answer aside."""
    noise = {1: 0.6}
    texts = said(
        [factory.record(case, noise=noise.get(case.depth, 0.01), rounds=12) for case in factory.cases("depth", depth=(1, 2, 4, 8))]
    )
    assert texts[-1].startswith("1 of 4 cases is noisy")


def test_one_case_is_stated():
    """A single case is one number with its interval."""
    assert said(measured("depth", depth=(4,)))[0].startswith("A train step of lstm takes 269 ms (95 % CI")


def test_nothing_measured_is_said():
    """Where every case failed, that is the answer."""
    texts = said([factory.failed(case, "oom", "no memory") for case in factory.cases("depth", depth=(1, 2))])
    assert texts == ["No case of this suite was measured.", "2 of 2 cases ran out of memory: no memory."]


FAMILIES = "dense: elman; recurrence: lstm, gru; sparse: mine; slow: other"


def meeting(**planted) -> list[str]:
    """The answer where each variant's time is a constant and so much a time step, in microseconds."""
    grid = factory.cases("length", variant=tuple(planted), seq_len=(32, 64, 128, 256))
    step = lambda case: 1e-6 * (planted[case.variant][0] + planted[case.variant][1] * case.seq_len)  # noqa: E731
    whole = factory.run([factory.record(case, step=step, noise=0.002) for case in grid])
    (view,) = views([replace(whole, suites=({**whole.suites[0], "families": FAMILIES},))])
    return [one.text for one in sentences(view)]


def test_families_cross_between_measured_lengths():
    """The cheapest of a family against the cheapest of the first: bounds, not a guess; where nothing crosses, that is said."""
    texts = meeting(elman=(10, 10), lstm=(750, 2), gru=(2000, 1), mine=(1, 1), other=(50, 20))
    assert texts[0] == (
        "Compared with dense in a train step (fp32), recurrence is slower up to 64 and faster from 128 time steps;"
        " sparse is faster wherever measured, 32 to 256 time steps."
    )
    assert "slow is slower wherever measured" in texts[1]
    ends = next(text for text in texts if text.startswith("At 256 time steps, lstm (recurrence) is 2.0"))
    assert "faster than elman (dense)" in ends
    assert not any("Inconclusive" in text for text in texts)


def test_curves_that_cross_where_no_family_is_named():
    """Two lines that surely cross once get bounds in place of a ratio over all lengths."""
    grid = factory.cases("length", variant=("lstm", "gru"), seq_len=(32, 64, 128, 256))
    step = lambda case: 1e-3 if case.variant == "lstm" else 1e-5 * case.seq_len  # noqa: E731
    text = " ".join(said([factory.record(case, step=step, noise=0.002) for case in grid]))
    assert "gru crosses lstm: it is faster up to 64 and slower from 128 time steps." in text


def test_single_processes_are_not_told_apart_by_little():
    """5 % between single processes is no finding, however tight the rounds; between ten processes a side it is."""

    def texts(processes: int) -> str:
        step = lambda case: 1e-3 * (1.05 if case.variant == "gru" else 1.0)  # noqa: E731
        grid = factory.cases("precision", variant=("lstm", "gru"))
        return " ".join(said([factory.record(case, step=step, noise=0.002, process=slot) for case in grid for slot in range(processes)]))

    assert "gru is 1.05× slower than lstm, but with 1 process each that is within the variation between processes." in texts(1)
    assert "gru is 1.05× slower than lstm (" in texts(10)


def test_crossings_need_more_than_a_hair():
    """A family that is 3 % dearer here and 3 % cheaper there, one process each, is too near to tell."""
    texts = meeting(elman=(1000, 1), lstm=(1030, 0.8), gru=(2000, 2), mine=(1000, 1), other=(5000, 20))
    assert "recurrence and sparse are each indistinguishable from it, 32 to 256 time steps" in texts[0]


def test_the_choice_is_told_for_each_phase():
    """Who wins where, the settings that another wins by name, and how unlike the rivals are in size."""
    speed = {"lstm": 1.0, "gru": 2.0, "elman": 3.0}
    step = lambda case: 1e-3 * speed[case.variant] * (5 if (case.variant, case.phase, case.depth) == ("lstm", "train", 4) else 1)  # noqa: E731
    grid = factory.cases("depth", variant=tuple(speed), depth=(1, 2, 4), phase=("forward", "train"))
    text = next(text for text in said([factory.record(case, step=step, noise=0.002) for case in grid]) if text.startswith("Fastest in"))
    assert "in a forward pass: lstm in 3 of 3 settings, clearly" in text
    assert "in a train step: lstm in 2 of 3 settings, clearly (gru is faster at 4 layers)" in text
    assert "Parameter counts differ by up to 4.0×" in text


def test_phases_that_disagree_are_told_apart():
    """Faster in training and slower in a forward pass: one ratio over both would say nothing, two say it."""
    slow = {"train": 0.5, "forward": 1.6}
    step = lambda case: 1e-3 * (slow[case.phase] if case.precision == "bf16" else 1)  # noqa: E731
    grid = factory.cases("depth", depth=(1, 2, 4), phase=("forward", "train"), precision=("fp32", "bf16"))
    text = next(text for text in said([factory.record(case, step=step, noise=0.002) for case in grid]) if "bf16" in text)
    assert text.startswith("Compared with fp32, bf16 is 1.60× slower in a forward pass")
    assert "2.00× faster in a train step" in text
    assert "(6 matched pairs)" in text


def test_a_width_that_follows_the_variant_is_no_setting():
    """Networks as wide as their parameters allow are rivals, whatever their widths."""
    widths = {"lstm": 128, "gru": 150, "elman": 276}
    records = [
        factory.record(case) for name, width in widths.items() for case in factory.cases("precision", variant=(name,), hidden_size=(width,))
    ]
    assert any("lstm in the one setting" in text for text in said(records))


def test_variants_are_ranked_beside_one_baseline():
    """Where each ran in turn with the same thing, the answer ranks them by that."""
    speed = {"lstm": 1.0, "gru": 0.5, "elman": 2.0, "sru": 3.0}
    records = []
    for case in factory.cases("precision", variant=tuple(speed)):
        one = factory.record(case, step=lambda case: 1e-3 * speed[case.variant], noise=0.002)
        ratio = speed[case.variant]
        beside = tuple(time / ratio for time in one.times_s)
        metrics = {**one.metrics, "beside_time_s": 1e-3, "beside_ratio": ratio}
        records.append(replace(one, beside="fused lstm", beside_times_s=beside, metrics=metrics))
    first, *rest = said(records)
    assert first.startswith("Fastest compared with fused lstm (train): gru (2.00× faster")
    assert "Slowest: sru (3.00× slower). Of 4 variants, 1 is clearly faster than fused lstm and 2 clearly slower." in first
    assert not any(text.startswith("Fastest in") for text in rest)


def test_a_step_unlike_its_parts_is_a_warning():
    """A step that took far longer than its own parts, timed right after it, is pointed out."""
    from rnnbench.analysis.frames import Loaded
    from rnnbench.reports.content import content

    fine, odd = (factory.record(case) for case in factory.cases("depth", depth=(1, 2)))
    odd = replace(odd, metrics={**odd.metrics, "step_time_s": 2 * odd.metrics["step_time_s"]})
    (warning,) = [one for one in content([Loaded(factory.run([fine, odd]))]).warnings if "as long as its parts" in one.what]
    assert warning.cases == [str(odd.case)]


def test_runs_of_unlike_grids_have_a_headline():
    """Side by side, no case need have every baseline: the first measured one leads then."""
    one = factory.cases("depth", variant=("gru",), depth=(1, 2), hidden_size=(64,), precision=("bf16",))
    other = factory.cases(
        "depth", variant=("lstm",), depth=(4, 8), hidden_size=(128,), seq_len=(32,), precision=("fp32",), phase=("forward",)
    )
    assert said([factory.record(case) for case in (*one, *other)])
