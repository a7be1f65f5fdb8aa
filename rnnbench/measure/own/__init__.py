"""A model of the user's own: called as the user calls it, on the user's batches, with the user's loss and optimizer."""
