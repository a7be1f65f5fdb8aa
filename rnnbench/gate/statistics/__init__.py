"""The tests behind a verdict: one case, many cases together, and a duet's interim analyses."""
