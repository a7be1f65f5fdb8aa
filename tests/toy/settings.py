"""What a test may set, in the process (`TOY.capacity_bytes = …`) or for a child (environment)."""

import os
from dataclasses import dataclass


@dataclass
class Settings:
    """Read when the package is imported; looked at afresh by every call."""

    capacity_bytes: int = int(os.environ.get("TOY_CAPACITY_BYTES", 16 * 2**30))  # an allocation beyond it is out of memory
    launch_delay_s: float = float(os.environ.get("TOY_LAUNCH_DELAY", "0"))  # each operator's time on the device; waits until synchronised
    log_ops: bool = os.environ.get("TOY_LOG_OPS", "") == "1"  # operators too, which is long
    log_file: str = os.environ.get("TOY_LOG_FILE", "")  # every call also goes here, so that a parent can read its workers' calls


TOY = Settings()
