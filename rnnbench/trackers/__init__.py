"""A run sent to an experiment tracker: MLflow, Weights & Biases or TensorBoard. Each of its cases becomes one of the tracker's runs.

The trackers' packages come with the extra `trackers` and are imported only when something is sent.
"""

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from rnnbench.errors import RnnbenchError, UnknownName, UsageError
from rnnbench.trackers.entries import Outcome, Sending


class NotSent(RnnbenchError):
    """A tracker that did not take what was sent, in its own words."""


class Tracker(NamedTuple):
    """The package that it needs, what its address is and whether it may be empty, and the module of `rnnbench.trackers` that sends."""

    package: str
    address: str
    module: str
    may_be_empty: bool = False


TRACKERS = {
    "mlflow": Tracker(
        "mlflow", "a tracking URI such as http://HOST:PORT, or nothing for MLFLOW_TRACKING_URI", "to_mlflow", may_be_empty=True
    ),
    "tensorboard": Tracker("tensorboard", "a folder of logs", "to_tensorboard"),
    "wandb": Tracker("wandb", "PROJECT or ENTITY/PROJECT; WANDB_MODE=offline keeps it on this machine", "to_wandb"),
}


def opened(address: str) -> Callable[[Sending], Outcome]:
    """What sends to `TRACKER:ADDRESS`. Raises UsageError for an address that is none and for a package that is not installed."""
    name, colon, rest = address.partition(":")
    if name not in TRACKERS:
        raise UnknownName("tracker", name, TRACKERS)
    one = TRACKERS[name]
    if not colon or not (rest or one.may_be_empty):
        raise UsageError(f"--to {address!r} lacks what follows {name}: — {one.address}")
    try:
        import_module(one.package)
        send: Callable[[str, Sending], Outcome] = import_module(f"rnnbench.trackers.{one.module}").send
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "rnnbench":
            raise
        raise UsageError(f"{error.name!r} is not installed; {name} needs it: pip install 'rnnbench[trackers]'") from None

    def sending(what: Sending) -> Outcome:
        try:
            return send(rest, what)
        except ModuleNotFoundError as error:  # MLflow's small package reaches servers only
            raise UsageError(f"{error.name!r} is not installed; {name} needs it for {rest!r}: pip install {one.package}") from None
        except Exception as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise NotSent(f"{name} did not take the run: {said[:300]}") from error

    return sending
