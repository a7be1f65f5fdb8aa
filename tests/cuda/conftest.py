"""Everything in this folder needs a GPU, or the stand-in for one (`tox -e standin`), which shows all but speed and rounding."""

import pytest
import torch


@pytest.fixture(autouse=True)
def gpu():
    """Skips where torch sees no CUDA device."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")


def on_standin() -> bool:
    """Whether the device is the stand-in's."""
    return torch.cuda.get_device_name(0).startswith("Stand-in")


@pytest.fixture
def real_gpu(gpu):
    """For what only hardware shows: rounding, power, and a host that is free while the device works."""
    if on_standin():
        pytest.skip("only a GPU can show this: the stand-in has neither TF32, nor power, nor work of its own")
