"""Processes that measure: the fork server, its children, the supervisor that watches them, and ranks of one case."""
