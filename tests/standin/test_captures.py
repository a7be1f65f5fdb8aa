"""What can be captured into a CUDA graph. Each docstring states one fact."""

import json

import pytest

from tests.standin.support import calls, python

CAPTURE = """
import json
from tests.measure.parts import workload
fields = json.loads({fields!r})
with workload(device="cuda", execution="cudagraph", hidden_size=64, input_size=64, batch_size=2, seq_len=32, **fields) as work:
    work.step()
    work.device.synchronize()
"""
SHORT = {"window": 8, "block_size": 4}


@pytest.mark.parametrize("phase", ["forward", "train"])
@pytest.mark.parametrize("variant", ["window_attention", "block_sparse", "strided_attention"])
def test_sparse_attention_is_captured(variant, phase, tmp_path):
    """Masks and tables lie on the device already: a pass copies nothing from the host and waits for nothing, so it can be captured."""
    python(CAPTURE.format(fields=json.dumps({"variant": variant, "phase": phase, **SHORT})), cwd=tmp_path, log=tmp_path / "log")
    (end,) = calls(tmp_path / "log", "capture ends")
    assert (end.details["broken"], int(end.details["nodes"]) > 10) == ("0", True)
    assert not [one for one in calls(tmp_path / "log", "captured") if one.details["name"].startswith("Memcpy HtoD")]


@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_fp16_training_is_captured_with_its_scaler(clip_norm, tmp_path):
    """The loss scaler and a fused optimizer look at nothing on the host, so a scaled train step can be captured."""
    fields = {"variant": "lstm", "phase": "train", "precision": "fp16", "clip_norm": clip_norm}
    python(CAPTURE.format(fields=json.dumps(fields)), cwd=tmp_path, log=tmp_path / "log")
    (end,) = calls(tmp_path / "log", "capture ends")
    assert end.details["broken"] == "0"
    assert [one for one in calls(tmp_path / "log", "captured") if "amp" in one.details["name"].lower()]
