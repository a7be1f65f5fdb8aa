"""The suite file of every model of the user's own. Its cases are made from what the model's factory takes: see `rnnbench measure`."""

from rnnbench.own_model import SUITE as NAME
from rnnbench.suite import Suite

SUITE = Suite(NAME, title="A model of your own", question="What does a step of it cost?", x="precision", hue="phase", cases=())


def bench_own_model(measure, case):  # type: ignore[no-untyped-def] # noqa: D103
    measure(case)
