"""Cases on the machines of a Ray cluster. Ray is the optional dependency `ray` and is imported only if a run uses it."""
