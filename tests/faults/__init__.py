"""Real faults, one of every kind, and what a run makes of them."""
