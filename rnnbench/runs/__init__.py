"""Runs: finding suites, planning cases, forking a fresh process for each case, and recording every outcome."""
