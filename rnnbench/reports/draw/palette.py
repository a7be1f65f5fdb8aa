"""Colours by name: the same variant has the same colour in every figure of every report. Chosen to survive colour blindness."""

import hashlib
from collections.abc import Iterable

# (on white, on dark). Each has a contrast of 4.5:1 or more against its ground, and differs from its neighbours in lightness too.
SLOTS = (
    ("#0b67b2", "#64b4f5"),
    ("#bf4a06", "#f5924f"),
    ("#0b7a5b", "#45c9a0"),
    ("#8446ab", "#cb9cec"),
    ("#806000", "#e2ba45"),
    ("#0d7489", "#5cd0e6"),
    ("#b02a58", "#f584a9"),
    ("#59636f", "#aab4c1"),
    ("#556f17", "#abcc5c"),
    ("#77543e", "#cfab92"),
)
INK, MUTED, GRID, PAPER = "#1b2430", "#566170", "#dde3ea", "#fefefe"
ROLES = {INK: "--ink", MUTED: "--muted", GRID: "--grid", PAPER: "--paper"}
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<", ">", "p")

_KNOWN = {
    "lstm": 0,
    "gru": 1,
    "elman": 2,
    "elman_relu": 5,
    "fp32": 7,
    "tf32": 8,
    "bf16": 3,
    "fp16": 6,
    "pure_bf16": 9,
    "fused": 0,
    "cell": 4,
    "loop": 1,
    "eager": 0,
    "compile": 3,
    "cudagraph": 2,
    "compile_reduce_overhead": 1,
    "compile_max_autotune": 4,
    "compile_rnn": 6,
    "forward": 5,
    "backward": 6,
    "train": 0,
    "none": 7,
    "no": 0,
    "yes": 1,
    "zero_grad_s": 7,
    "forward_s": 5,
    "loss_s": 2,
    "backward_s": 6,
    "unscale_s": 9,
    "clip_s": 3,
    "optimizer_s": 4,
    "parameter_bytes": 7,
    "gradient_bytes": 6,
    "optimizer_bytes": 4,
    "activation_bytes": 5,
}


def slots(names: Iterable[str]) -> dict[str, int]:
    """A slot for each name. A known name has its own; another's follows from its letters, or the next free one if that is taken."""
    wanted = list(dict.fromkeys(names))
    taken = {name: _KNOWN[name] for name in wanted if name in _KNOWN}
    for name in sorted(set(wanted) - set(taken)):
        first = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=2).digest()[0]
        ring = [(first + step) % len(SLOTS) for step in range(len(SLOTS))]
        taken[name] = next((slot for slot in ring if slot not in taken.values()), ring[0])
    return {name: taken[name] for name in wanted}


def css(theme: int) -> str:
    """The slots as CSS variables, for the light theme (0) or the dark one (1)."""
    return "".join(f"--s{slot}:{pair[theme]};" for slot, pair in enumerate(SLOTS))
