"""Figures: one kind of picture a file. Drawing never computes statistics."""
