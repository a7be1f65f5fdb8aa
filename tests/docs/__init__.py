"""What `tox -e docs` runs: slow blocks of the pages, the built site, the release. They need the extra `docs`."""
