"""Opening a store by its address.

SQLAlchemy, Alembic and psycopg come with the extra `store` and are imported only when a store is opened."""

from typing import TYPE_CHECKING

from rnnbench.errors import UsageError

if TYPE_CHECKING:
    from rnnbench.store.database import Database

INDEX_FILE = "index.sqlite"


def open_database(address: str, *, create: bool = False) -> "Database":
    """Open the store at `address`. `create` creates or upgrades its tables. Raises UsageError, StoreError or WrongStore."""
    try:
        from rnnbench.store.database import Database
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sqlalchemy", "alembic", "psycopg"):
            raise
        raise UsageError(f"{error.name!r} is not installed; stores need it: pip install 'rnnbench[store]'") from None
    return Database(address, create=create)
