"""Runs in a database: an index of a results folder in SQLite, a team's store in PostgreSQL. One schema for both.

SQLAlchemy, Alembic and psycopg come with the extra `store`; nothing of them is imported before a store is opened."""

from typing import TYPE_CHECKING

from rnnbench.errors import UsageError

if TYPE_CHECKING:
    from rnnbench.store.shelf import Shelf

INDEX_FILE = "index.sqlite"
MOST_BYTES = 512 * 2**20  # of a run: both databases end at 1 GB a value, and a run is held whole while it is sent


def open_shelf(address: str, *, create: bool = False) -> "Shelf":
    """The store at an address. With `create` its tables are made or brought up to date. Raises one sentence for what is wrong."""
    try:
        from rnnbench.store.shelf import Shelf
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sqlalchemy", "alembic", "psycopg"):
            raise
        raise UsageError(f"{error.name!r} is not installed, which stores need: pip install 'rnnbench[store]'") from None
    return Shelf(address, create=create)
