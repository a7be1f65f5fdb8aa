"""The forms a report takes: page, Markdown, notebook, tables, and the site of many runs."""
