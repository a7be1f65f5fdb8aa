"""Processes that measure: the fork server, its children, the supervisor that watches them, and the ranks of one case."""
