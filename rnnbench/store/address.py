"""Store addresses without secrets, the engine behind each, and database errors as one sentence."""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url, pool

from rnnbench.errors import EXIT_INCONCLUSIVE, BadValue, RnnbenchError, UsageError

WANTED = "write sqlite:///FILE or postgresql://USER@HOST/DATABASE; the password comes from PGPASSWORD, a password file or a service file"
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
CONNECT_TIMEOUT_S = 10
BUSY_TIMEOUT_S = 60


class StoreError(RnnbenchError):
    """A store that cannot be reached or refuses what was asked. What it held before is intact."""


class WrongStore(RnnbenchError):
    """A database that is not a store of rnnbench, or one of a newer version. Nothing in it was changed."""

    exit_code = EXIT_INCONCLUSIVE


def parse(text: str) -> URL:
    """The address as SQLAlchemy takes it. A password in it is refused: command lines are seen by others and kept in histories."""
    scheme, mark, _ = text.partition("://")
    if not mark or scheme not in DRIVERS:
        raise BadValue("store", f"{scheme}://…" if mark else text.partition("@")[2] or text, WANTED)
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError):
        raise BadValue("store", f"{scheme}://…", WANTED) from None
    if url.password is not None or "password" in url.query:
        raise UsageError(
            f"{shown(url)!r} contains a password: remove it, and set PGPASSWORD or name a service (postgresql:///?service=NAME)"
        )
    if scheme == "sqlite" and (not url.database or url.database == ":memory:" or url.query):
        raise BadValue("store", text, WANTED)
    return url.set(drivername=DRIVERS[scheme])


def shown(url: URL) -> str:
    """The address as messages and files may hold it: no password, no options but the service's name."""
    query = {name: value for name, value in url.query.items() if name == "service"}
    plain = URL.create(url.get_backend_name(), url.username, None, url.host, url.port, url.database, query)
    return plain.render_as_string(hide_password=True)


def engine_of(url: URL, *, create: bool) -> Engine:
    """The engine; connections are made when first used. A file that is to be read must be there."""
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if not create and not path.is_file():
            raise StoreError(f"{shown(url)!r} does not exist: create it with `rnnbench index`")
        made = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, poolclass=pool.NullPool)
        event.listen(made, "connect", _prepare_sqlite)
        event.listen(made, "begin", _begin_sqlite)
        return made
    options = {"connect_timeout": CONNECT_TIMEOUT_S} if "connect_timeout" not in url.query else {}
    return create_engine(url, connect_args={**options, "application_name": "rnnbench"})


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Readers and a writer beside each other; transactions are begun by us, DDL among them."""
    connection.isolation_level = None
    for pragma in ("foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def told(url: URL) -> Iterator[None]:
    """What the database says against it, as one sentence without a secret."""
    try:
        yield
    except (exc.DBAPIError, sqlite3.Error) as error:
        why = _first_line(error.orig if isinstance(error, exc.DBAPIError) else error)
        if "file is not a database" in why or "file is encrypted" in why:
            raise WrongStore(f"{shown(url)!r} is not a SQLite database: name another file") from None
        raise StoreError(f"the store {shown(url)!r} failed: {why}; its previous contents are intact") from None
    except _STRANGE as error:
        raise _not_ours(shown(url), error) from None
    except exc.SQLAlchemyError as error:
        raise StoreError(f"the store {shown(url)!r} cannot be used: {_first_line(error)}") from None


@contextmanager
def ours(name: str) -> Iterator[None]:
    """What is read from a store is data that another wrote: rows that hold something else are told as such."""
    try:
        yield
    except _STRANGE as error:
        raise _not_ours(name, error) from None


def _not_ours(name: str, error: Exception) -> WrongStore:
    why = f"{type(error).__name__}: {error}"
    return WrongStore(f"the store {name!r} has contents that do not fit its tables ({why}); if it is an index, delete it and it is rebuilt")


_STRANGE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError, zlib.error)


def _first_line(error: object) -> str:
    """What the driver said. It never repeats a password; libpq itself leaves it out."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if "FATAL" in line or "refused" in line), lines[0] if lines else "no reason was given")
