"""Profiles: kinds, bounds, sentences, the chart and the command."""

import gzip
import json
from html.parser import HTMLParser

import pytest

from rnnbench.analysis.profile import by_kind, kind_of, kind_of_kernel, understood
from rnnbench.reports.draw.icicle import icicle
from rnnbench.roofline import Ceilings
from tests.tools import command, small_case

LIMITS = Ceilings(device="cpu", flops_per_s={"fp32": 100.0}, copy_bytes_per_s=10.0, launch_s=0.1)


def profile(needs=(80, 1, 1), operators=(("aten::mm", 0.6), ("aten::tanh", 0.3), ("forward", 0.1)), kernels=()):
    """What a measuring process would tell of a step of one second."""
    flops, moved, count = needs
    return {
        "case": small_case(phase="forward").as_dict(),
        "metrics": {"step_time_s": 1.0, "step_flops": flops, "moved_bytes": moved, "operators": count},
        "profiled_step_s": 1.0,
        "operators": [{"name": name, "calls": 1, "self_s": own, "device_s": 0} for name, own in operators],
        "kernels": [{"name": name, "calls": 1, "seconds": own} for name, own in kernels],
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("aten::addmm", "matrix product"),
        ("aten::mkldnn_rnn_layer_backward", "recurrent kernel"),
        ("aten::_cudnn_rnn", "recurrent kernel"),
        ("aten::copy_", "copy"),
        ("aten::_fused_adamw_", "optimizer"),
        ("aten::sigmoid", "pointwise"),
        ("forward", "Python and dispatch"),
    ],
)
def test_an_operator_is_of_a_kind(name, kind):
    """The kind is read from the name."""
    assert kind_of(name) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ampere_sgemm_128x64_tn", "matrix product"),
        ("nvjet_hsh_128x128_64x6_2x1_v_bz_TNT", "matrix product"),
        ("sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64_warpgroupsize1x1x1", "matrix product"),
        ("void cutlass::Kernel2<cutlass_80_tensorop_s16816gemm_f16_64x64_32x6_nn_align8>(T1::Params)", "matrix product"),
        ("void gemv2T_kernel_val<int, int, float, float, float, float, 128, 16, 4, 4>", "matrix product"),
        ("void elemWiseRNNcell<float, float, float, (cudnnRNNMode_t)2, (cudnnRNNBiasMode_t)2>", "recurrent kernel"),
        ("void LSTM_elementWise_fp<__half, __half, float, (cudnnRNNBiasMode_t)2>", "recurrent kernel"),
        ("RNN_blockPersist_fp_LSTM<__half, __half, float, 256, 32>", "recurrent kernel"),
        ("void GRU_elementWise_bp1<float, float, float>", "recurrent kernel"),
        ("triton_poi_fused_add_mul_sigmoid_tanh_0", "pointwise"),
        ("triton_red_fused_native_layer_norm_1", "reduction"),
        ("void pytorch_flash::flash_fwd_kernel<Flash_fwd_kernel_traits<64, 128, 128, 4>>", "attention"),
        ("void at::native::vectorized_elementwise_kernel<4, at::native::tanh_kernel_cuda>", "pointwise"),
        ("void at::native::(anonymous namespace)::multi_tensor_apply_kernel<FusedAdamMathFunctor<float, 4>>", "optimizer"),
        ("void at::native::(anonymous namespace)::multi_tensor_apply_kernel<LpNormFunctor<float>>", "clipping"),
        ("Memcpy DtoD (Device -> Device)", "copy"),
        ("ncclDevKernel_AllReduce_Sum_f32_RING_LL", "communication"),
        ("my_own_kernel", "other kernels"),
    ],
)
def test_a_kernel_is_of_a_kind(name, kind):
    """A kernel's kind is read from the name that its library gives it, and it is never Python's time."""
    assert kind_of_kernel(name) == kind


def test_a_silent_profiler_is_told():
    """Where CUPTI gave no record, the sentence says that these are the host's operators, and why."""
    where = understood({**profile(), "no_kernels": "no record"}, LIMITS).sentences[0]
    assert where.endswith("These are the host's operators: no record.")


def test_time_by_kind_adds_up():
    """Every second of the operators is of one kind, the most first."""
    assert by_kind(profile()) == pytest.approx({"matrix product": 0.6, "pointwise": 0.3, "Python and dispatch": 0.1})


def test_where_there_are_kernels_the_rest_of_the_step_is_idle():
    """On a device its kernels count, and what they leave of the step is waiting."""
    assert by_kind(profile(kernels=[("sgemm", 0.25)])) == pytest.approx({"idle": 0.75, "matrix product": 0.25})


@pytest.mark.parametrize(
    ("needs", "bound", "advice"),
    [
        ((80, 1, 1), "compute", "precision"),
        ((20, 1, 1), "compute", "batch_size"),
        ((10, 8, 1), "memory", "bf16"),
        ((10, 1, 8), "launch", "fused"),
    ],
)
def test_three_sentences_name_the_bound_and_what_to_try(needs, bound, advice):
    """Near its ceiling a step wants less work, far from it larger products; memory and launches have remedies of their own."""
    where, held, tried = understood(profile(needs), LIMITS).sentences
    assert "60% matrix product" in where
    assert f"bound by {bound}" in held
    assert advice in tried


def test_without_ceilings_no_bound_is_named():
    """Where the machine's ceilings are not known, that is said."""
    assert "bound is unknown" in understood(profile(), None).sentences[1]


def test_the_chart_is_as_wide_as_the_time_and_names_nothing_unescaped():
    """A child of half the time is half as wide; an operator's name cannot become markup."""
    child = {"name": "<script>", "seconds": 0.5, "calls": 1, "children": []}
    svg = str(icicle({"name": "step", "seconds": 1.0, "calls": 1, "children": [child]}, "chart"))
    assert 'width="1119.0"' in svg
    assert 'width="559.0"' in svg
    assert "<script>" not in svg


class Links(HTMLParser):
    """Everything that a page asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.asked += [value for name, value in attrs if name in ("src", "href") and value and not value.startswith(("#", "data:"))]


def test_a_deep_lstm_is_bound_by_its_products_and_a_loop_of_tiny_steps_by_launching(tmp_path):
    """Four layers of 256 are bound by compute; a loop over cells of 8 by its operators. Page, traces and sentences are left."""
    shape = ("--set", "precision=fp32", "--set", "phase=forward", "--set", "batch_size=16", "--set", "seq_len=32", "--set", "variant=lstm")
    deep = ("--set", "depth=4", "--set", "hidden_size=256", "--set", "input_size=256")
    tiny = ("--set", "depth=1", "--set", "hidden_size=8", "--set", "input_size=8", "--set", "implementation=loop")
    for sizes, bound in ((deep, "compute"), (tiny, "launch")):
        done = command("profile", "--suite", "depth", "--device", "cpu", *shape, *sizes, "--steps", "2", "--json", cwd=tmp_path)
        assert done.code == 0, done.err
        (one,) = done.told["profiles"]
        assert one["bound"] == bound
        page = (tmp_path / done.told["page"]).read_text()
        assert one["sentences"][1] in page.replace("&#39;", "'")
        parser = Links()
        parser.feed(page)
        assert not parser.asked
        assert json.loads(gzip.decompress((tmp_path / one["trace"]).read_bytes()))["traceEvents"]
    assert not list((tmp_path / "results").glob("*/records.jsonl"))


def test_too_many_cases_are_refused(tmp_path):
    """A profile is for reading: more than a dozen cases are a mistake of usage."""
    done = command("profile", "--suite", "depth", "--device", "cpu", cwd=tmp_path)
    assert done.code == 2
    assert "--select" in done.err


def test_a_training_to_a_target_is_no_step_to_profile(tmp_path):
    """What is trained to a target is refused with the phases that can be profiled."""
    done = command("profile", "--suite", "convergence", "--set", "task=adding", "--set", "seed=0", "--set", "variant=lstm", cwd=tmp_path)
    assert done.code == 2
    assert "is no single step; choose a phase with --set phase=forward,backward,train,decode" in " ".join(done.err.split())
