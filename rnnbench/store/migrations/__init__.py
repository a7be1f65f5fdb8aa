"""How a store's tables came to be what they are: Alembic's scripts, run by rnnbench.store.upgrade."""
