"""Other load before the first case: one warning with remedies, or a bounded wait until it ends."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from rnnbench import units
from rnnbench.device.load import is_quiet

LOOKS = 3  # consecutive quiet samples: a pause between two tests of other users is not their end
EVERY_S = 1.0
Load = Mapping[str, Any]


def load_before(
    look: Callable[[], Load],
    wait_s: float | None,
    threads: int | None,
    say: Callable[[str], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> Load:
    """The machine's load as the run begins. With `wait_s`, waits at most that many seconds until LOOKS consecutive samples are quiet. If
    the machine is still busy, `say` gets one warning with the consequence and remedies. `threads` is the user's option."""
    load, began = look(), now()
    if wait_s is not None and not is_quiet(load):
        say(f"waiting up to {units.duration(wait_s)} until other processes leave the CPU idle; {_load_in_words(load)}")
        quiet = 0
        while quiet < LOOKS and now() - began < wait_s:
            sleep(EVERY_S)
            load = look()
            quiet = quiet + 1 if is_quiet(load) else 0
    if not is_quiet(load):
        say(warning(load, threads, waited_s=wait_s))
    return load


def warning(load: Load, threads: int | None, waited_s: float | None = None) -> str:
    """A warning: the load, its consequence, and the remedies that the user has not taken yet."""
    remedies = [] if threads == 1 else ["repeat with --threads 1, which suffers least"]
    remedies += [] if waited_s is not None else ["repeat with --wait-quiet 600, which waits until they end"]
    remedies.append("continue, and trust only alternating measurements (rnnbench duet)")
    after = f" after {units.duration(waited_s)} of waiting" if waited_s is not None else ""
    choices = f"{', '.join(remedies[:-1])}{', or ' if remedies[:-1] else ''}{remedies[-1]}"
    return f"this machine is busy{after}: {_load_in_words(load)}. Step times will be too long and scatter. Either {choices}."


def _load_in_words(load: Load) -> str:
    """The load as a clause: "other processes keep 2.0 cores busy"."""
    cores, stolen = load.get("other_load_cores"), load.get("steal_share") or 0.0
    parts = [f"other processes keep {cores:.1f} cores busy"] if cores else []
    parts += [f"the hypervisor takes {stolen:.0%} of the CPU time"] if stolen >= 0.01 else []
    return " and ".join(parts) or "; ".join(load.get("notes", ()))
