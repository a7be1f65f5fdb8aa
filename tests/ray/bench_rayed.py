"""Small cases, of which some end the machine that they run on."""

from rnnbench import Suite, grid

SUITE = Suite(
    "rayed",
    title="Cases on a cluster",
    question="Is any lost or doubled?",
    x="seed",
    hue="variant",
    cases=grid(variant="good", phase="forward", depth=1, hidden_size=8, input_size=8, batch_size=2, seq_len=2),
)


def bench_rayed(measure, case):
    measure(case)
