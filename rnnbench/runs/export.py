"""benchmark.json: the run in pytest-benchmark's own format, so that `pytest-benchmark compare` reads it."""

from collections.abc import Mapping
from typing import Any

from rnnbench.record import Record, Run


def benchmark_json(run: Run) -> dict[str, Any]:
    """Every measured record, with the statistics that pytest-benchmark itself would report. Failed cases are omitted: the format has no
    place for them."""
    from pytest_benchmark import __version__
    from pytest_benchmark.stats import Stats

    def row(record: Record) -> dict[str, Any]:
        stats = Stats()
        times_s = record.times_s or (record.metrics["training_s"],)  # a training is one round
        for seconds in times_s:
            stats.update(seconds)
        name = f"bench_{record.case.suite}[{str(record.case).partition('/')[2]}{f'-process{record.process}' if record.process else ''}]"
        return {
            "group": record.case.suite,
            "name": name,
            "fullname": f"suites/bench_{record.case.suite}.py::{name}",
            "params": record.case.as_dict(),
            "param": str(record.case),
            "extra_info": {**record.metrics, "case": record.case.as_dict(), "process": record.process},
            "options": _table(run.arguments.get("budget")),
            "stats": {**stats.as_dict(), "data": list(times_s), "iterations": 1},
        }

    return {
        "machine_info": _machine_info(run.machine),
        "commit_info": {"id": run.commit.get("hash", "unknown"), "dirty": run.commit.get("dirty", False), **_branch(run.commit)},
        "benchmarks": [
            row(record) for record in run.records if record.status == "ok" and (record.times_s or "training_s" in record.metrics)
        ],
        "datetime": run.started_utc,
        "version": __version__,
    }


def _branch(commit: Mapping[str, Any]) -> dict[str, Any]:
    return {"branch": commit.get("branch", "unknown"), "project": "rnnbench", "time": None, "author_time": None}


def _machine_info(machine: Mapping[str, Any]) -> dict[str, Any]:
    cpu = _table(machine.get("cpu"))
    return {
        "node": machine.get("hostname", ""),
        "system": machine.get("os", ""),
        "python_version": machine.get("python", ""),
        "cpu": {"brand_raw": cpu.get("model", ""), "count": cpu.get("logical")},
        "torch": _table(machine.get("torch")),
    }


def _table(found: Any) -> dict[str, Any]:
    """A JSON object from run.json, or an empty one if the value is not an object."""
    return dict(found) if isinstance(found, Mapping) else {}
