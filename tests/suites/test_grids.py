"""Every shipped suite: what it asks, and that its grids give cases on every device and preset."""

import pytest

from rnnbench.budget import PRESETS
from rnnbench.case import AXES
from rnnbench.runs import catalog
from tests.tools import SUITES

NAMES = sorted(path.stem.removeprefix("bench_") for path in SUITES.glob("bench_*.py"))
SWEPT = [name for name in NAMES if name != "canary"]  # which is one fixed case, large or small, whatever the preset


def test_the_suites_of_the_first_report_are_there():
    """Each suite that the main job promises is shipped under its name."""
    wanted = {"depth", "length", "width", "batch", "precision", "clipping", "direction", "implementation", "harness"}
    assert wanted <= set(NAMES)
    assert wanted <= set(catalog.shipped())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_suite_has_cases_with_ids_of_their_own(name, device, preset):
    """Each preset on each device gives cases, no two with one id, all of that device and suite."""
    cases = catalog.find(name).suite.expand(device, preset)
    assert cases
    assert len({str(case) for case in cases}) == len(cases)
    assert {(case.suite, case.device) for case in cases} == {(name, device)}


@pytest.mark.parametrize("name", SWEPT)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_suite_sweeps_its_field(name, device, preset):
    """What a suite says that it sweeps takes two values or more."""
    suite = catalog.find(name).suite
    swept = {getattr(case, suite.x) for case in suite.expand(device, preset)}
    assert len(swept) >= 2
    assert suite.x in AXES


@pytest.mark.parametrize("name", NAMES)
def test_a_suite_asks_a_question(name):
    """The report opens with the suite's question: it is one."""
    about = catalog.find(name).suite.about()
    assert about["question"].endswith("?")
    assert about["title"]
    assert about["name"] == name


@pytest.mark.parametrize("name", SWEPT)
def test_quick_is_less_work_than_standard(name):
    """The quick preset has smaller cases than the standard one, and no more of them."""

    def work(preset: str) -> int:
        return sum(
            case.depth * case.hidden_size * (case.hidden_size + case.input_size) * case.batch_size * case.seq_len
            for case in catalog.find(name).suite.expand("cpu", preset)
        )

    assert work("quick") < work("standard") <= work("full")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_suites_baseline_is_measured(name, device):
    """What other cases are compared with is among the cases of the standard preset."""
    suite = catalog.find(name).suite
    cases = suite.expand(device)
    for axis, value in suite.baseline.items():
        assert value in {getattr(case, axis) for case in cases}


PASSES = {"forward": 1, "decode": 1, "backward": 3, "train": 3, "converge": 3, "isolation": 0}
LARGER_ON_CUDA = [name for name in SWEPT if not name.endswith("convergence") and name not in ("applications", "distillation", "own_data")]


def work(name: str, device: str, preset: str) -> int:
    """Multiplications of a suite's steps, one step a case, as if every variant were one Elman network."""
    total = 0
    for case in catalog.find(name).suite.expand(device, preset):
        steps = 1 if case.phase == "decode" else case.seq_len
        weights = case.depth * case.hidden_size * (case.hidden_size + case.input_size) * (1 + case.bidirectional)
        total += weights * case.batch_size * steps * PASSES[case.phase]
    return total


@pytest.mark.parametrize("name", SWEPT)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_presets_grow_on_every_device(name, device):
    """quick is less work than standard, and standard less than full, whatever the device's sizes are."""
    assert work(name, device, "quick") < work(name, device, "standard") < work(name, device, "full")


@pytest.mark.parametrize("name", LARGER_ON_CUDA)
@pytest.mark.parametrize("preset", PRESETS)
def test_a_gpu_is_given_more_than_a_cpu(name, preset):
    """No preset of a suite of steps has a GPU run what was sized for a CPU."""
    assert work(name, "cuda", preset) > work(name, "cpu", preset)
