"""TensorBoard: a folder of logs a case, for the scalars and the HParams tab, which compares cases by their axes."""

from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from rnnbench.reports.file_names import safe_name
from rnnbench.trackers.entries import Entry, Outcome, Sending


def send(address: str, what: Sending) -> Outcome:
    """Into ADDRESS/RUN/CASE. Cases that are there already stay as they are."""
    folder = Path(address) / what.run
    sent = 0
    for one in what.entries:
        logs = folder / safe_name(one.case)
        if not any(logs.glob("events.out.tfevents.*")):
            _case(logs, what, one)
            sent += 1
    return Outcome(sent, len(what.entries) - sent, str(folder))


def _case(logs: Path, what: Sending, one: Entry) -> None:
    with SummaryWriter(str(logs)) as writer:
        for name, step, value in one.series():
            writer.add_scalar(name, value, step)
        about = {"case": one.case, "status": one.status, "reason": one.reason, **what.tags, "notes": "\n".join(one.notes)}
        writer.add_text("rnnbench", "\n\n".join(f"**{key}**: {value}" for key, value in about.items() if value))
        writer.add_hparams({**one.axes, "status": one.status}, dict(one.metrics), run_name=".")
