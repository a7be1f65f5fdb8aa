"""Alembic's migration scripts for a store's tables, run by rnnbench.store.upgrade."""
