"""A toy accelerator: a device called `toy` whose tensors live on the CPU, in pure Python. Importing this package registers it.

Code that works here moves every tensor to its device, synchronises before it reads a clock and asks the device's own module for memory:
what code written on a CPU gets wrong on CUDA fails here, without a GPU. It shows no speed.

    python -m pytest -p tests.toy …                     in a test session
    rnnbench run --plugin tests/toy/plugin.py …         in a worker, forked or spawned

What tests read: `CALLS` and `watch()` (what the device was asked, in order), `pending()` (is work unfinished?), `StrictClock`, `TOY`
(capacity, lag, log). What the code under test sees is `torch.toy`, which is `tests/toy/module.py`.
"""

import pytest
from torch.utils import backend_registration

if not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"):
    pytest.skip("this torch takes no device that is written in Python", allow_module_level=True)

from tests.toy.backend import register
from tests.toy.log import CALLS, Call, read_log, watch
from tests.toy.queue import StrictClock, pending, slow_down
from tests.toy.settings import TOY
from tests.toy.tensor import ToyTensor

__all__ = ["CALLS", "TOY", "Call", "StrictClock", "ToyTensor", "pending", "read_log", "register", "slow_down", "watch"]

register()
