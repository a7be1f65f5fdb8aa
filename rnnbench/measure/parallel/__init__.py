"""One case in several processes: how its batch is shared, the shared train step, and the progress of each process."""
