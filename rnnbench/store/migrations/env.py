"""Alembic's entry: the connection comes from rnnbench.store.upgrade, within its transaction."""

from alembic import context

from rnnbench.store.schema import TABLES, VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], target_metadata=TABLES, version_table=VERSION_TABLE)
context.run_migrations()
