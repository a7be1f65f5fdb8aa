"""Runs over real Ray clusters, all of them on this machine."""
