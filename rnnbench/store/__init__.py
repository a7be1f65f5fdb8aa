"""Runs in a database: an index of a results folder in SQLite, a team's store in PostgreSQL. One schema for both."""
