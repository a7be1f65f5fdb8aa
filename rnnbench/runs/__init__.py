"""Runs: finding suites, planning cases, forking a fresh process for each, and bringing every one home as a record."""
