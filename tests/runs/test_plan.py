"""Predictions against what is then measured, and machines that are elsewhere."""

from dataclasses import replace

import pytest
import torch

from rnnbench.datasheets import MACHINES
from rnnbench.measure.network import network, on_meta, output_of
from rnnbench.measure.planning import plan_case
from rnnbench.measure.probes import operators
from rnnbench.measure.probes.memory import activation_bytes
from rnnbench.roofline import Ceilings
from rnnbench.runs.planning import TYPICAL_SHARE, predicted
from rnnbench.variants import VARIANTS
from tests.measure.parts import workload
from tests.tools import command, small_case

SIZES = {"hidden_size": 32, "input_size": 48, "depth": 2, "batch_size": 16, "seq_len": 24}


@pytest.mark.parametrize("phase", ["forward", "backward", "train"])
@pytest.mark.parametrize(("variant", "way"), [("lstm", "loop"), ("gru", "fused"), ("elman", "cell")])
def test_memory_flops_and_operators_are_as_measured(variant, way, phase):
    """Weights, gradients, activations, optimizer state, FLOPs, least bytes and operators are predicted to the last digit."""
    case = small_case(variant=variant, implementation=way, phase=phase, **SIZES)
    told, metrics = plan_case(case, here=True), {}
    with workload(case) as work:
        work.step()
        work.weigh(metrics, {})
        assert told["operators"] == operators.count(work.step)
    held = told["footprint"]
    kinds = {"parameters": "parameter", "gradients": "gradient", "activations": "activation"}
    assert {name: held[name] for name in kinds} == {name: metrics.get(f"{kind}_bytes", 0) for name, kind in kinds.items()}
    assert held["optimizer"] <= metrics.get("optimizer_bytes", 0) < held["optimizer"] + 1000  # AdamW's own step count is a number a tensor
    assert told["flops"] == metrics["step_flops"]
    assert told["moved_bytes"] == pytest.approx(metrics["moved_bytes"], rel=0.01)


def test_the_time_is_the_roof_at_a_typical_share_and_the_launches():
    """100 FLOPs at 100 FLOP/s take a second at the ceiling, and longer at the share that is typical; launches come on top."""
    limits = Ceilings(device="cpu", flops_per_s={"fp32": 100.0}, copy_bytes_per_s=10.0, launch_s=0.1)
    figures = {"flops": 100, "moved_bytes": 1, "operators": 3, "total_bytes": 50}
    found = predicted(small_case(), figures, limits, 100)
    assert found.step_s == pytest.approx(1 / TYPICAL_SHARE + 0.3)
    assert (found.bound, found.fits) == ("compute", True)


def test_a_case_that_will_not_fit_is_marked():
    """What needs more than the machine has is marked, not left out."""
    figures = {"flops": 100, "moved_bytes": 1, "operators": 3, "total_bytes": 101}
    found = predicted(small_case(), figures, Ceilings(device="cpu", flops_per_s={"fp32": 1.0}), 100)
    assert not found.fits
    assert found.why_not == "will not fit"


def test_plan_for_a_machine_elsewhere_takes_cudas_sizes(tmp_path):
    """`--machine` plans the sizes that a suite has for CUDA, with the data sheet's name, and runs nothing of them."""
    words = ("--set", "variant=lstm", "--set", "depth=1", "--set", "phase=train", "--set", "batch_size=64,65536", "--set", "precision=bf16")
    done = command("plan", "--suite", "depth", "--machine", "h100", *words, "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    small, large = done.told["cases"]
    assert "Datasheet" in done.told["source"]
    assert (small["case"]["hidden_size"], small["case"]["device"]) == (1024, "cuda")
    assert small["fits"]
    assert not large["fits"]
    assert small["step_s"] > small["flops"] / MACHINES["h100"].ceilings.flops_per_s["bf16"]


def test_an_unknown_machine_lists_the_known(tmp_path):
    """A machine without a data sheet is a mistake of usage."""
    done = command("plan", "--suite", "depth", "--machine", "h1000", cwd=tmp_path)
    assert done.code == 2
    assert "h100" in done.err


def test_every_data_sheet_states_its_source():
    """Each machine has rates, bandwidth, memory and the sheet that they are from."""
    for one in MACHINES.values():
        assert one.ceilings.source.startswith("data sheet: ")
        assert one.ceilings.flops_per_s["fp32"] > 0 < one.ceilings.copy_bytes_per_s


def test_pure_bf16_is_planned_with_half_the_weights(tmp_path):
    """On a named machine pure bf16 has the rate of bf16 and weights of two bytes."""
    words = ("--set", "variant=lstm", "--set", "depth=1", "--set", "phase=forward", "--set", "precision=bf16,pure_bf16")
    done = command("plan", "--suite", "depth", "--machine", "h100", *words, "--json", cwd=tmp_path)
    autocast, pure = done.told["cases"]
    assert pure["step_s"] > 0
    assert pure["footprint"]["parameters"] == autocast["footprint"]["parameters"] / 2


def test_a_case_that_cannot_be_predicted_is_a_row_with_its_reason():
    """act_lstm asks a meta tensor for a number: its memory is unknown and why is said; weights and FLOPs are known all the same."""
    told = plan_case(small_case(variant="act_lstm", phase="train"), here=False)
    assert "meta" in told["unknown"]
    assert told["parameters"] > 0
    assert "total_bytes" not in told
    found = predicted(small_case(), told, Ceilings(device="cpu", flops_per_s={"fp32": 1.0}), 100)
    assert found.why_not.startswith("unknown: ")
    assert (found.fits, found.step_s) == (None, None)


DYING = """
import os
import torch
from rnnbench.variants import variant

@variant(source="a test")
def dying(case):
    \"""Ends the process that builds it.\"""
    os._exit(7)
"""


def test_a_case_that_ends_the_process_costs_no_other_its_row(tmp_path):
    """A plugin whose variant kills its process leaves an unknown row; the cases before and after it are planned."""
    (tmp_path / "dying.py").write_text(DYING, encoding="utf-8")
    sizes = ("--set", "depth=1", "--set", "phase=forward", "--set", "precision=fp32", "--set", "hidden_size=8", "--set", "input_size=8")
    words = ("--set", "variant=lstm,dying,gru", *sizes, "--set", "batch_size=2", "--plugin", "dying.py", "--machine", "t4", "--json")
    done = command("plan", "--suite", "depth", *words, cwd=tmp_path)
    assert done.code == 0, done.err
    unknown = {one["case"]["variant"]: "unknown" in one for one in done.told["cases"]}
    assert unknown == {"lstm": False, "dying": True, "gru": False}


@pytest.mark.parametrize("variant", ["lstm", "gru", "mlstm", "min_gru", "transformer", "window_attention", "griffin"])
def test_memory_elsewhere_is_that_of_the_whole_length(variant):
    """What is weighed at short lengths and what is weighed at its own agree with a weighing at the full length on meta tensors."""
    case = small_case(variant=variant, phase="train", hidden_size=16, input_size=16, depth=3, batch_size=2, seq_len=100, window=24)
    model = on_meta(lambda: network(case))
    x = torch.empty(100, 2, 16, device="meta")
    told = plan_case(case, here=False)
    assert told["footprint"]["activations"] == activation_bytes(lambda: output_of(model(x)), model)


def test_a_training_is_its_steps():
    """A case that trains to a target is one training step of its sizes, and at most as many as its recipe or its axis allows."""
    case = small_case(phase="converge", task="adding", input_size=2, seq_len=10, max_steps=70)
    told = plan_case(case, here=True)
    assert (told["id"], told["steps"]) == (str(case), 70)
    assert told["footprint"] == plan_case(replace(case, phase="train", task="random", max_steps=None), here=True)["footprint"]
    limits = Ceilings(device="cpu", flops_per_s={"fp32": 1e9}, copy_bytes_per_s=1e9, launch_s=1e-6)
    assert predicted(case, told, limits, 10**9).steps == 70


@pytest.mark.parametrize("variant", ["lstm", "sru", "transformer"])
def test_a_decoding_step_reads_weights_and_state(variant):
    """Its state is what the variant states, its products are those of one time step, and its operators are counted."""
    case = small_case(variant=variant, phase="decode", batch_size=3, seq_len=40)
    told = plan_case(case, here=True)
    state = 4 * 3 * VARIANTS[variant].state_size(case)
    assert told["footprint"]["state"] == state
    assert told["moved_bytes"] == told["footprint"]["parameters"] + state + 4 * 3 * case.input_size
    assert told["flops"] == VARIANTS[variant].flops(replace(case, seq_len=1))
    assert told["operators"] > 0


def test_the_table_fits_and_says_why_below(tmp_path):
    """No figure is cut at 60 columns, and the reason of a case without a prediction stands below, with its count."""
    words = ("--set", "variant=lstm,act_lstm", "--set", "phase=train", "--set", "halt_at=0.9", "--machine", "t4")
    done = command("plan", "--suite", "adaptive", "--preset", "quick", *words, cwd=tmp_path, COLUMNS="60")
    assert done.code == 0, done.err
    assert "…" not in done.out
    assert "cases: unknown: " in done.out.replace("\n", " ")
