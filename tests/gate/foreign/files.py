"""Files of other tools, as their own writers make them."""

import json
from pathlib import Path

SYSTEM = {"node": "n", "processor": "x86_64", "machine": "x86_64", "python_version": "3.5.1", "system": "Linux", "release": "4.4"}


OPTIONS = {"disable_gc": False, "timer": "perf_counter", "min_rounds": 5, "max_time": "1.0", "min_time": "0.000005", "warmup": False}


CPUS = {  # what each version's own writer states of the CPU
    "3.0.0": None,
    "3.1.1": {"vendor_id": "GenuineIntel", "hardware": "unknown", "brand": "Xeon A"},
    "3.2.3": {"vendor_id": "GenuineIntel", "hardware": "", "brand": "Xeon A"},
    "3.4.1": {"brand": "Xeon A", "count": 8, "arch": "X86_64"},
    "4.0.0": {"brand_raw": "Xeon A", "count": 8, "arch_string_raw": "x86_64"},
    "5.3.1": {"brand_raw": "Xeon A", "count": 8, "arch_string_raw": "x86_64"},
    "3.1.1 on ARM": {"vendor_id": "unknown", "hardware": "Xeon A", "brand": "unknown"},
}


def session(version="5.3.1", *, cpu=None, commit="abc", stats=None, options=None, **info):
    """pytest-benchmark's JSON of one session, as a version writes it."""
    row = {"group": None, "name": "t", "fullname": "x.py::t", "stats": stats or {"median": 2.0, "mean": 3.0, "min": 1.0, "rounds": 3}}
    row["options"] = {**OPTIONS, **(options or {})}
    if version != "3.0.0":
        row |= {"params": None, "param": None, "extra_info": {}}
    found = CPUS[version] if cpu is None else cpu
    return {
        "machine_info": {**SYSTEM, **({"cpu": found} if found is not None else {}), **info},
        "commit_info": {"id": commit, "dirty": False},
        "benchmarks": [row],
        "datetime": "2016-01-01T00:00:00.000001" if version < "5" else "2026-01-01T01:00:00.000001+01:00",
        "version": version,
    }


def put(path: Path, data) -> Path:
    """A JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


NAN = float("nan")


COLUMNS = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "samples", "profile"]


HEAD = {"commit_hash": "abc", "date": 1_500_000_000_000, "params": {"machine": "m", "cpu": "EPYC", "num_cpu": "2"}, "python": "3.6"}


TWO = [["'a'", "'b'"]]


GOOGLE = {
    "context": {"date": "2024-05-01T10:00:00+02:00", "host_name": "h", "num_cpus": 8, "mhz_per_cpu": 2000, "library_build_type": "release"},
    "benchmarks": [
        {
            "name": "BM_a",
            "run_name": "BM_a",
            "run_type": "iteration",
            "repetition_index": 0,
            "real_time": 3.0,
            "cpu_time": 2.0,
            "time_unit": "us",
        },
        {
            "name": "BM_a",
            "run_name": "BM_a",
            "run_type": "iteration",
            "repetition_index": 1,
            "real_time": 5.0,
            "cpu_time": 2.0,
            "time_unit": "us",
        },
        {"name": "BM_a_mean", "run_name": "BM_a", "run_type": "aggregate", "aggregate_name": "mean", "real_time": 9.0, "time_unit": "us"},
        {"name": "BM_b_mean", "run_name": "BM_b", "run_type": "aggregate", "aggregate_name": "mean", "real_time": 9.0, "time_unit": "ms"},
        {
            "name": "BM_b_median",
            "run_name": "BM_b",
            "run_type": "aggregate",
            "aggregate_name": "median",
            "real_time": 8.0,
            "time_unit": "ms",
        },
        {"name": "BM_old_mean", "real_time": 7.0, "cpu_time": 1.0},
        {"name": "BM_old", "real_time": 6.0, "cpu_time": 1.0, "items_per_second": 4.0},
        {"name": "BM_bad", "run_name": "BM_bad", "run_type": "iteration", "error_occurred": True, "error_message": "no device"},
        {"name": "BM_skip", "run_name": "BM_skip", "run_type": "iteration", "skipped": True, "skip_message": "needs AVX"},
        {"name": "BM_n_BigO", "run_name": "BM_n", "run_type": "aggregate", "aggregate_name": "BigO", "real_coefficient": 1.0, "big_o": "N"},
    ],
}


def entry(commit, date, *benches):
    return {
        "commit": {"id": commit},
        "date": date,
        "tool": "x",
        "benches": [dict(zip(("name", "value", "unit"), one, strict=True)) for one in benches],
    }
