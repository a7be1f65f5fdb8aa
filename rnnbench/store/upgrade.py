"""Creating and upgrading a store's tables, and recognising foreign ones."""

from pathlib import Path

from sqlalchemy import URL, Connection, inspect, text

from rnnbench.store.address import WrongStore, shown
from rnnbench.store.schema import HEAD, VERSION_TABLE

_LOCK = 0x726E6E62  # "rnnb"


def check(connection: Connection, url: URL) -> bool:
    """Whether the tables are those of this version. Raises WrongStore for a foreign database or a newer version."""
    tables = inspect(connection).get_table_names()
    if VERSION_TABLE in tables:
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - our own name
        if found is not None and str(found) > HEAD:
            raise WrongStore(f"the store {shown(url)!r} has schema {found}, this rnnbench knows up to {HEAD}: update rnnbench to use it")
        return str(found) == HEAD
    if tables:
        raise WrongStore(f"{shown(url)!r} contains foreign tables ({', '.join(sorted(tables)[:3])}): name an empty database")
    return False


def make(connection: Connection, url: URL) -> None:
    """Create or upgrade the tables within the connection's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if check(connection, url):
        return
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    command.upgrade(config, "head")
