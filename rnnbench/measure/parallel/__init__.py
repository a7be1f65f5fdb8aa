"""One case in several processes: how its batch is shared, the train step they share, and how far each has come."""
