"""Values for hypothesis: cases, their fields, and JSON of any shape."""

from hypothesis import strategies as st

from rnnbench.case import AXES, Case

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True) | st.sampled_from(["bi", "s1", "clip1", "train", "fp32"])
COUNTS = st.integers(1, 3) | st.integers(1, 2**40)
NORMS = st.floats(1e-6, 1e6, allow_nan=False) | st.sampled_from([1, 1.0, 10, 0.1, 1.0000001])

FIELDS = {
    "suite": NAMES,
    "variant": NAMES,
    "phase": st.sampled_from(AXES["phase"].values),
    "task": NAMES,
    "depth": COUNTS,
    "hidden_size": COUNTS,
    "input_size": COUNTS,
    "batch_size": COUNTS,
    "seq_len": COUNTS,
    "bidirectional": st.booleans(),
    "precision": st.sampled_from(AXES["precision"].values),
    "clip_norm": st.none() | NORMS,
    "implementation": st.sampled_from(AXES["implementation"].values),
    "execution": st.sampled_from(AXES["execution"].values),
    "device": st.sampled_from(["cpu", "cuda", "cuda:1"]),
    "seed": st.integers(0, 3),
    "window": COUNTS,
    "processes": COUNTS,
    "scaling": st.sampled_from(AXES["scaling"].values),
    "bucket_mib": st.none() | COUNTS,
    "accumulation": COUNTS,
}
CASES = st.builds(Case, **FIELDS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
