"""Loading a user's files: plugins are executed, data files are read, MODULE:FUNCTION is the user's own model."""

from pathlib import Path

from rnnbench.own_data import is_data
from rnnbench.own_lengths import is_lengths
from rnnbench.own_model import PARCEL, is_own
from rnnbench.registry import load_file


def load(path: str | Path) -> None:
    """Load a file and register its contents. Global torch settings that a plugin changes are restored. Raises UsageError."""
    if is_lengths(path):
        from rnnbench.measure.lengths import add as add_lengths

        add_lengths(path)
    elif is_data(path):
        from rnnbench.tasks._own import add

        add(path)
    else:
        from rnnbench.device import torch_state

        with torch_state.loading(path):
            if is_own(str(path)):
                _add_model(str(path))
            else:
                load_file(path)


def _add_model(path: str) -> None:
    """Register the user's own model under its name."""
    from rnnbench.measure.own.factory import load_model
    from rnnbench.measure.own.model import register
    from rnnbench.measure.own.parcel import unpacked

    register(unpacked(Path(path)) if path.endswith(PARCEL) else load_model(path))
