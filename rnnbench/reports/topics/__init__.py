"""What a report description: one topic a file, with its sentences, tables and figures."""
