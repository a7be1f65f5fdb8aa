"""Runs in SQLite and in a real PostgreSQL."""
