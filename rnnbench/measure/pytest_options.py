"""What each option of pytest-benchmark does with a suite under plain pytest: it works, sets the budget, or is refused by name.

docs/pytest.md shows this table; a test compares both with the options of the installed pytest-benchmark.
"""

from dataclasses import dataclass

import pytest

from rnnbench.budget import Budget
from rnnbench.errors import UsageError

WORDS = pytest.StashKey[tuple[str, ...]]()
WORKS, BUDGET, REFUSED = "works", "sets the budget", "refused"


@dataclass(frozen=True, slots=True)
class Option:
    """`does` is WORKS, BUDGET or REFUSED; `budget` is the field that it sets; `about` says what it does or what to use instead."""

    does: str
    about: str
    budget: str = ""


_PROFILE = Option(REFUSED, "`rnnbench profile` shows where the time of a case goes, kernels included")
_ONE_STEP = "a round is one step of the network, however long it takes"
_WARM_UP = Option(REFUSED, "each case is warmed up until its times are steady, before memory peaks are reset; there is nothing to set")
OPTIONS = {
    "--benchmark-min-time": Option(REFUSED, f"{_ONE_STEP}; to time longer, use `--benchmark-max-time`"),
    "--benchmark-max-time": Option(BUDGET, "maximum seconds of timed rounds per case; a training may take 300 times that", "max_time_s"),
    "--benchmark-min-rounds": Option(BUDGET, "fewest timed rounds per case", "min_rounds"),
    "--benchmark-precision": Option(BUDGET, "a case ends once its mean is known within ± this share", "precision"),
    "--benchmark-confidence": Option(BUDGET, "the confidence of that interval", "confidence"),
    "--benchmark-timer": Option(
        REFUSED, "a case is timed by its device's clock, which waits for the device; choose the device by `--rnnbench-device`"
    ),
    "--benchmark-calibration-precision": Option(REFUSED, f"{_ONE_STEP}; for a mean that is known better, use `--benchmark-precision`"),
    "--benchmark-warmup": _WARM_UP,
    "--benchmark-warmup-iterations": _WARM_UP,
    "--benchmark-disable-gc": Option(WORKS, "is always so: Python's garbage collector is off during the rounds"),
    "--benchmark-skip": Option(WORKS, "every case is skipped; nothing is recorded"),
    "--benchmark-disable": Option(WORKS, "each case runs one step after its warm-up, or its whole training, untimed; nothing is recorded"),
    "--benchmark-enable": Option(WORKS, "overrides `--benchmark-disable`"),
    "--benchmark-only": Option(WORKS, "other tests are skipped"),
    "--benchmark-save": Option(WORKS, "also saves pytest-benchmark's own JSON"),
    "--benchmark-autosave": Option(WORKS, "also saves pytest-benchmark's own JSON"),
    "--benchmark-save-data": Option(WORKS, "with every round"),
    "--benchmark-json": Option(WORKS, "also writes pytest-benchmark's own JSON, with every round"),
    "--benchmark-compare": Option(WORKS, "pytest-benchmark's own comparison; `rnnbench compare` has the statistics"),
    "--benchmark-compare-fail": Option(WORKS, "pytest-benchmark's own check of one session against another"),
    "--benchmark-cprofile": _PROFILE,
    "--benchmark-cprofile-loops": _PROFILE,
    "--benchmark-cprofile-top": _PROFILE,
    "--benchmark-cprofile-dump": _PROFILE,
    "--benchmark-storage": Option(WORKS, "where pytest-benchmark saves its own JSON; records go to `--rnnbench-results`"),
    "--benchmark-netrc": Option(WORKS, "as in pytest-benchmark"),
    "--benchmark-verbose": Option(WORKS, "as in pytest-benchmark"),
    "--benchmark-quiet": Option(WORKS, "as in pytest-benchmark"),
    "--benchmark-sort": Option(WORKS, "as in pytest-benchmark"),
    "--benchmark-group-by": Option(WORKS, "as in pytest-benchmark; `param:NAME` takes an axis, as in `param:depth`"),
    "--benchmark-columns": Option(WORKS, "as in pytest-benchmark"),
    "--benchmark-name": Option(WORKS, "as in pytest-benchmark"),
    "--benchmark-time-unit": Option(WORKS, "as in pytest-benchmark"),
    "--benchmark-histogram": Option(WORKS, "as in pytest-benchmark"),
}
SIDE_BY_SIDE = (
    "-n runs cases side by side, which spoils their times: leave it out, or add --benchmark-disable to try the cases without timing them"
)


def refuse(config: pytest.Config) -> None:
    """Raise UsageError for an unsupported option, with what to use instead."""
    for name, option in OPTIONS.items():
        if option.does == REFUSED and _given(config, name):
            raise UsageError(f"{name} is not for rnnbench's suites: {option.about.replace('`', '')}")
    side_by_side = config.getoption("dist", "no") != "no" or hasattr(config, "workerinput")
    if side_by_side and not untimed(config) and not config.getoption("benchmark_skip"):
        raise UsageError(SIDE_BY_SIDE)


def untimed(config: pytest.Config) -> bool:
    """Whether --benchmark-disable is in effect."""
    return bool(config.getoption("benchmark_disable")) and not config.getoption("benchmark_enable")


def budget(config: pytest.Config, preset: str) -> Budget:
    """The preset's budget with changes by pytest-benchmark's options. Raises BadValue with the option's name."""
    given = {option.budget: _value(config, name) for name, option in OPTIONS.items() if option.budget and _given(config, name)}
    return Budget.of(preset, given)


def _value(config: pytest.Config, name: str) -> float:
    value = config.getoption(_destination(name))
    return value if isinstance(value, int) else float(value)


def _given(config: pytest.Config, name: str) -> bool:
    """Whether an option is given on the command line, in PYTEST_ADDOPTS or in the settings, even with its default value."""
    words = config.stash.get(WORDS, tuple(map(str, config.invocation_params.args)))
    return any(word == name or word.startswith(f"{name}=") for word in words)


def _destination(name: str) -> str:
    return name.removeprefix("--").replace("-", "_")
