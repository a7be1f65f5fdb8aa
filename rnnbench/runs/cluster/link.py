"""Connecting to a Ray cluster: an existing one, or one started on this machine for the duration of the run."""

import contextlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from rnnbench.errors import NoCluster, UsageError
from rnnbench.scratch import scratch

CONNECT_S = 5.0
STORE_BYTES = 80 * 2**20  # Ray's minimum; a record is a few kilobytes
MARK = "RNNBENCH_RAY"
_OWN = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # a cluster of one machine on the loopback address only, as on a Mac
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_memory_monitor_refresh_ms": "0",  # Ray would kill the supervisor, which reports cases that run out of memory
    "RAY_worker_oom_score_adjustment": "0",  # the kernel should kill a case rather than the supervisor
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """The module `ray`, connected to a cluster. Without an address, a cluster is started on this machine and stopped at the end.

    Raises NoCluster within seconds if there is no cluster at the address.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        if address is None:
            ray = _imported(_OWN)
            options: dict[str, Any] = stack.enter_context(_own())
        else:
            _check(address)
            ray = _imported({})
            options = {"address": address}
        before = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(**options, log_to_driver=False, logging_level=logging.ERROR, namespace=f"rnnbench-{secrets.token_hex(4)}")
        except (OSError, RuntimeError, ValueError) as error:  # ConnectionError is an OSError
            raise NoCluster(address, _first_line(error)) from None
        signal.signal(signal.SIGTERM, before)  # Ray replaces the handler
        stack.callback(ray.shutdown)
        _hush()
        yield ray


def _imported(environment: dict[str, str]) -> Any:
    """Import Ray with these environment variables, because it reads some settings on import."""
    for name, value in environment.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise UsageError("--executor ray needs Ray: pip install 'rnnbench[ray]', here and on every machine of the cluster") from None
    return ray


def _check(address: str) -> None:
    """Raise NoCluster at once for an address at which Ray would only fail after minutes."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if "://" in address:
        raise NoCluster(
            address, "run rnnbench on a machine of the cluster and write auto, or HOST:PORT of the head (Ray Client is not supported)"
        )
    if not (colon and host and port.isdigit()):
        raise NoCluster(address, "write auto, or HOST:PORT of the cluster's head")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise NoCluster(address, f"nothing answers there ({error}); start a cluster with: ray start --head") from None


@contextlib.contextmanager
def _own() -> Iterator[dict[str, Any]]:
    """Options for a cluster on this machine, with a guard that ends it if this process is killed."""
    mark = secrets.token_hex(8)
    with scratch("/tmp") as home:  # noqa: S108 - a socket's path has 107 characters at most, and TMPDIR may be long
        guard = subprocess.Popen(  # noqa: S603 - this interpreter
            (sys.executable, "-P", "-m", "rnnbench.runs.cluster.guard", mark, str(home)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.environ[MARK] = mark
        try:
            yield {
                "address": "local",
                "num_cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
                "include_dashboard": False,
                "object_store_memory": STORE_BYTES,
                "_node_ip_address": "127.0.0.1",
                "_temp_dir": str(home),
            }
        finally:
            del os.environ[MARK]
            guard.communicate(timeout=60)


def _hush() -> None:
    """Silence Ray's log: it reports a lost worker in thirty lines, the run in one."""
    with contextlib.suppress(ImportError, AttributeError, KeyError):
        from ray._private.ray_logging import global_worker_stdstream_dispatcher

        global_worker_stdstream_dispatcher.remove_handler("ray_print_logs")


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")[:300]
