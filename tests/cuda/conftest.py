"""Everything in this folder needs a GPU."""

import pytest
import torch


@pytest.fixture(autouse=True)
def gpu():
    """Skips where torch sees no CUDA device."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
