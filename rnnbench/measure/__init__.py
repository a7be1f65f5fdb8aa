"""The measuring wing: a case becomes a workload, pytest-benchmark times it, probes weigh it, a record leaves."""
