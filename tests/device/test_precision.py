"""Precisions: what each switches on, that it is switched off again, and what a device lacks."""

import pytest
import torch

import tests.toy  # noqa: F401 - registers the device
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import FORMATS, _switches, autocast, in_format
from rnnbench.errors import Unsupported
from rnnbench.measure.outcome import status_of
from rnnbench.measure.workload import Workload
from rnnbench.variants import VARIANTS
from tests.measure.parts import workload
from tests.tools import small_case
from tests.toy import watch

HOMES = [
    torch.backends.cuda.matmul,
    *(getattr(torch.backends.cudnn, name) for name in ("rnn", "conv") if hasattr(torch.backends.cudnn, name)),
    *(getattr(torch.backends.mkldnn, name) for name in ("matmul", "rnn", "conv") if hasattr(torch.backends.mkldnn, name)),
]
NEW = all(hasattr(home, "fp32_precision") for home in HOMES)


def settings() -> list[str]:
    return [home.fp32_precision for home in HOMES] if NEW else [torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32]


@pytest.mark.parametrize("name", ["fp32", "fp16"])
def test_products_are_ieee_unless_tf32_is_asked_for(name):
    """In every format but tf32 no fp32 product may use a shorter type, on any backend: torch's own default lets cuDNN's RNNs."""
    with in_format(name, Device("cpu")):
        assert set(settings()) == ({"ieee"} if NEW else {False})


@pytest.mark.parametrize("name", ["bf16", "pure_bf16"])
def test_bf16_networks_of_cudnn_may_use_tensor_cores(name):
    """In bf16 cuDNN has TF32 allowed: torch gives its recurrent networks FMA math otherwise. cuBLAS has not."""
    with in_format(name, Device("cpu")):
        assert torch.backends.cudnn.allow_tf32
        assert not torch.backends.cuda.matmul.allow_tf32
        assert not NEW or torch.backends.cudnn.rnn.fp32_precision == "tf32"


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_old_and_new_settings_can_both_be_read(form):
    """In no format does torch refuse to read a setting, which it does where old and new ones contradict each other."""
    switches = _switches(form)
    before = [getattr(home, name) for home, name, _ in switches]
    try:
        for home, name, value in switches:
            setattr(home, name, value)
        assert torch.backends.cuda.matmul.allow_tf32 is form.tf32
        assert torch.get_float32_matmul_precision() == ("high" if form.tf32 else "highest")
        with torch.backends.cudnn.flags():
            pass
    finally:
        for (home, name, _), value in zip(switches, before, strict=True):
            setattr(home, name, value)


@pytest.mark.parametrize("precision", ["bf16", "pure_bf16"])
def test_a_record_says_which_type_its_products_had(precision):
    """What was dispatched is recorded: a fused LSTM's weights in bf16 under either precision, in fp32 under fp32."""
    found = {}
    for name in ("fp32", precision):
        with workload(precision=name) as work:
            work.weigh({}, {})
            found[name] = work.types
    assert "mkldnn_rnn_layer bfloat16" in found[precision]
    assert "mkldnn_rnn_layer float32" in found["fp32"]


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_every_variant_has_evidence_of_its_precision(name, precision):
    """The matrix products of each variant were seen in the type that its precision names; in fp32 in no other."""
    ways = VARIANTS[name].implementations
    way = {} if precision != "fp16" else {"implementation": "loop" if "loop" in ways else ways[0]}  # few CPUs have a fused LSTM in fp16
    with workload(variant=name, precision=precision, **way) as work:
        work.weigh({}, {})
    wanted = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}[precision]
    seen = {line.rpartition(" ")[2] for line in work.types}
    assert wanted in seen
    assert precision != "fp32" or seen == {wanted}


def test_pure_bf16_has_nothing_in_fp32():
    """Weights, gradients and optimizer state of pure bf16 are bf16."""
    with workload(precision="pure_bf16") as work:
        work.step()
        held = [*work.model.parameters(), *(p.grad for p in work.model.parameters()), *work.train.state_tensors()]
        assert {one.dtype for one in held if one.dim()} == {torch.bfloat16}


@pytest.mark.parametrize("name", ["fp32", "bf16"])
def test_settings_are_given_back(name):
    """The process's own settings are back after a format, also where the step in it raised."""
    before = settings()
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    try:
        wanted = settings()
        with pytest.raises(KeyError), in_format(name, Device("cpu")):
            raise KeyError
        assert settings() == wanted
    finally:
        torch.backends.cuda.matmul.fp32_precision = before[0]
    assert settings() == before


@pytest.mark.parametrize("device", ["cpu", "toy"])
def test_tf32_away_from_its_hardware_is_unsupported(device):
    """TF32 on a device without NVIDIA's tensor cores is refused with that reason, before anything is built."""
    with (
        pytest.raises(Unsupported, match=f"TF32 is a format of NVIDIA's tensor cores; {device} has none") as caught,
        in_format("tf32", Device(device)),
    ):
        pass
    assert status_of(caught.value) == ("unsupported", str(caught.value))


def test_a_format_that_an_operator_lacks_is_unsupported():
    """fp16 of a fused LSTM on a CPU is found out by a small step and refused with the operator's own words."""
    device, case = Device("cpu"), small_case(precision="fp16")
    with in_format("fp16", device) as form, pytest.raises(Unsupported, match=r"^fp16 lstm on cpu: \S+") as caught:
        Workload.probe(case, device, form)
    assert "\n" not in str(caught.value)


def test_a_fault_of_the_variant_is_not_taken_for_the_device():
    """In fp32 nothing is probed: what raises there is the variant's own error."""
    device = Device("cpu")
    with in_format("fp32", device) as form:
        Workload.probe(small_case(variant="no_such_variant"), device, form)


@pytest.mark.parametrize(("device", "precision"), [("cpu", "bf16"), ("toy", "bf16"), ("toy", "fp16")])
def test_products_are_computed_in_the_lower_type(device, precision):
    """Under autocast a product of fp32 tensors comes out in the format's type; under fp32 it does not."""
    x = torch.ones(4, 4).to(device)
    with autocast(FORMATS[precision], Device(device)):
        assert (x @ x).dtype == FORMATS[precision].autocast
    with autocast(FORMATS["fp32"], Device(device)):
        assert (x @ x).dtype == torch.float32
    assert not torch.is_autocast_enabled(device)


@pytest.mark.parametrize(("precision", "scaled"), [("fp32", False), ("bf16", False), ("fp16", True)])
def test_only_fp16_scales_its_loss(precision, scaled):
    """fp16 has a loss scale and an unscale part; no other format needs one."""
    with workload(device="toy", precision=precision, clip_norm=1.0) as work:
        assert (work.train.scaler is not None) is scaled
        assert ("unscale_s" in [name for name, _ in work.train.parts]) is scaled


def test_fp16_scales_unscales_and_then_clips():
    """The loss is scaled before backward, gradients are unscaled before their norm is taken, clipped, and only then used."""
    with workload(device="toy", precision="fp16", clip_norm=1e-3) as work:
        work.step()
        names = []
        with watch() as calls:
            for name, part in (("", work.next_batch), *work.train.parts):
                part()
                names += [(name, call.name) for call in calls if call.kind == "op"]
                calls.clear()
    order = list(dict.fromkeys(part for part, _ in names))
    assert order == ["forward_s", "loss_s", "backward_s", "unscale_s", "clip_s", "optimizer_s"]
    unscaling = [part for part, op in names if "unscale" in op]
    norms = [part for part, op in names if "norm" in op]
    assert set(unscaling) == {"unscale_s"}
    assert set(norms) == {"clip_s"}
    assert next(op for part, op in names if part == "backward_s") == "mul"  # loss × scale comes first


def test_fp16_clips_the_true_norm():
    """The norm that clipping sees is the gradient's own, not the loss scale's multiple: it is that of bf16 and fp32, nearly."""
    norms = {}
    for precision in ("fp32", "fp16"):
        with workload(device="toy", precision=precision, clip_norm=1.0) as work:
            work.step()
            norms[precision] = float(work.train.gradient_norm)
    assert norms["fp16"] == pytest.approx(norms["fp32"], rel=0.02)
    assert work.train.scaler.get_scale() > 1


def test_fp16_skips_a_step_whose_gradient_is_not_finite():
    """An overflow leaves the weights as they were and lowers the scale, as a scaler should."""
    with workload(device="toy", precision="fp16") as work:
        work.step()
        before, scale = [p.detach().cpu().clone() for p in work.train.parameters], work.train.scaler.get_scale()
        for name, part in work.train.parts:
            if name == "unscale_s":
                work.train.parameters[0].grad.fill_(float("inf"))
            part()
        assert all(torch.equal(p.detach().cpu(), old) for p, old in zip(work.train.parameters, before, strict=True))
        assert work.train.scaler.get_scale() < scale


def test_a_format_can_be_had_again_after_it_was_refused():
    """Being refused leaves no trace: fp32 runs after an unsupported fp16."""
    device = Device("cpu")
    with pytest.raises(Unsupported), in_format("fp16", device) as form:
        Workload.probe(small_case(precision="fp16"), device, form)
    with workload() as work:
        work.step()
        work.check()
    assert Clock(device)() > 0
