"""What commands show on a terminal: tables, progress, verdicts, closing sentences."""
