"""Models, batches and tasks of a user's own."""
