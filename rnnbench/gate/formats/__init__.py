"""Comparisons, sides and histories as text for other programs: one format a file, each a function from a value to a string."""
