"""Weights & Biases: a run a case, grouped by rnnbench's run, with the axes as its configuration."""

import hashlib

import wandb

from rnnbench.trackers.entries import Entry, Outcome, Sending

QUIET = wandb.Settings(
    console="off",
    disable_git=True,
    disable_code=True,
    silent=True,
    x_disable_stats=True,
    x_disable_machine_info=True,
    x_save_requirements=False,
)
"""Nothing of the process that sends is sent with it."""


def send(address: str, what: Sending) -> Outcome:
    """Into PROJECT or ENTITY/PROJECT. A case's id follows from its run and name, so that what is sent twice is one run there."""
    entity, _, project = address.rpartition("/")
    where = ""
    for one in what.entries:
        where = _case(entity or None, project, what, one)
    return Outcome(len(what.entries), 0, where)


def _case(entity: str | None, project: str, what: Sending, one: Entry) -> str:
    run = wandb.init(
        entity=entity,
        project=project,
        id=hashlib.sha256(f"{what.run} {one.case}".encode()).hexdigest()[:16],
        resume="allow",
        group=what.run,
        job_type="rnnbench",
        name=one.case,
        config=dict(one.axes) | {"rnnbench": dict(what.tags)},
        notes="\n".join(one.notes) or None,
        tags=[one.status],
        settings=QUIET,
    )
    by_step: dict[int, dict[str, float]] = {}
    for name, step, value in one.series():
        by_step.setdefault(step, {})[name] = value
    for step in sorted(by_step):
        run.log(by_step[step], step=step)
    run.summary.update({"status": one.status, "reason": one.reason, **one.metrics})
    run.finish(exit_code=0 if one.measured else 1)
    return f"{run.settings.wandb_dir} (offline; wandb sync sends it on)" if run.offline else str(run.url)
