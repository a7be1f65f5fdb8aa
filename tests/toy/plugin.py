"""For `--plugin tests/toy/plugin.py`: finds the repository from wherever the worker stands, and registers the device."""

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parents[2])
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

import tests.toy  # noqa: E402, F401 - importing it is the point
