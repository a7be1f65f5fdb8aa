"""MLflow: the run and, nested in it, each of its cases, with the axes as parameters."""

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.environment_variables import MLFLOW_EXPERIMENT_NAME
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from rnnbench.trackers.entries import Entry, Outcome, Sending

EXPERIMENT = "rnnbench"
LONGEST = 5000  # characters of a tag
BATCH = 1000  # metrics that the server takes at once


def send(address: str, what: Sending) -> Outcome:
    """Into the experiment that MLFLOW_EXPERIMENT_NAME names, else `rnnbench`. Cases that are there already stay as they are."""
    client = MlflowClient(tracking_uri=address or None)
    name = MLFLOW_EXPERIMENT_NAME.get() or EXPERIMENT
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found else client.create_experiment(name)
    known = _known(client, experiment, what.run)
    tags = {f"rnnbench.{key}": value[:LONGEST] for key, value in what.tags.items()}
    parent = known.pop("", None) or client.create_run(experiment, tags=tags, run_name=what.run).info.run_id
    fresh = [one for one in what.entries if one.case not in known]
    for one in fresh:
        _case(client, experiment, parent, tags, one)
    client.set_terminated(parent)
    return Outcome(len(fresh), len(what.entries) - len(fresh), f"experiment {name!r} of {client.tracking_uri}")


def _known(client: MlflowClient, experiment: str, run: str) -> dict[str, str]:
    """Case → MLflow's id of what was sent of this run before; the run itself has no case. What broke off is none: it is sent anew."""
    found: dict[str, str] = {}
    token: str | None = None
    while True:
        page = client.search_runs([experiment], f"tags.`rnnbench.run` = '{run}'", page_token=token)
        found |= {
            one.data.tags.get("rnnbench.case", ""): one.info.run_id
            for one in page
            if one.info.status != "RUNNING" or "rnnbench.case" not in one.data.tags
        }
        token = page.token
        if not token:
            return found


def _case(client: MlflowClient, experiment: str, parent: str, tags: dict[str, str], one: Entry) -> None:
    own = {"rnnbench.case": one.case, "rnnbench.status": one.status, "rnnbench.reason": one.reason, "rnnbench.notes": "\n".join(one.notes)}
    about = {**tags, **{key: value[:LONGEST] for key, value in own.items() if value}, MLFLOW_PARENT_RUN_ID: parent}
    made = client.create_run(experiment, tags=about, run_name=one.case)
    now = made.info.start_time
    client.log_batch(made.info.run_id, params=[Param(axis, str(value)) for axis, value in one.axes.items()])
    points = [Metric(name, value, now, 0) for name, value in one.metrics.items()]
    points += [Metric(name, value, now, step) for name, step, value in one.series()]
    for start in range(0, len(points), BATCH):
        client.log_batch(made.info.run_id, metrics=points[start : start + BATCH])
    client.set_terminated(made.info.run_id, "FINISHED" if one.measured else "FAILED")
