"""One case under a profiler, and what its step holds in memory over time. Nothing here is timed for a record."""
