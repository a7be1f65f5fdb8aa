"""What is tuned: one setting is all cases that differ in nothing but their seed. Its data, by a hash of what may be trained on."""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, replace

from rnnbench.axis import written
from rnnbench.case import AXES, Case
from rnnbench.errors import UsageError

AXES_TUNED = ("lr", "schedule", "clip_norm")


def setting_of(case: Case) -> str:
    """The id of a case's setting, whatever its suite: of the default seed, and without what is tuned."""
    plain = {name: AXES[name].default for name in ("seed", *AXES_TUNED)}
    return str(Case.from_dict({**case.as_dict(), **plain})).partition("/")[2]


def tunable(case: Case) -> str:
    """Why a case is not tuned; empty where it is."""
    if case.phase != "converge":
        return "it is no training"
    given = [f"{name}={written(getattr(case, name))}" for name in AXES_TUNED if getattr(case, name) is not None]
    return f"its suite sets {', '.join(given)}" if given else ""


def load_plugins(plugins: Iterable[str]) -> None:
    """Make a user's own tasks known in this process, which asks for their data."""
    from rnnbench.measure.loading import load

    for plugin in plugins:
        load(plugin)


def full_steps(case: Case) -> int:
    """How many steps a whole training takes."""
    from rnnbench.tasks import PROBLEMS

    return case.max_steps or PROBLEMS[case.task].recipe.max_steps


def version_of(case: Case) -> str:
    """A hash of the task's recipe and target, and of the data that may be trained and chosen on; the test split has no part in it.
    Raises Unsupported where the data cannot be had, UsageError where there is nothing to choose on."""
    from rnnbench.measure.learn.sealed import sealed
    from rnnbench.tasks import PROBLEMS

    problem = PROBLEMS[case.task]
    practice, _ = sealed(problem.make(replace(case, seed=0)))
    if not len(practice.validation):
        raise UsageError(f"task {case.task!r} has no validation split, and tuning chooses on nothing else: give it one")
    digest = hashlib.blake2b(repr((asdict(problem.recipe), problem.target)).encode(), digest_size=8)
    for split in (practice.train, practice.validation):
        for tensor in (split.x, split.y):
            digest.update(repr((tuple(tensor.shape), str(tensor.dtype))).encode())
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
