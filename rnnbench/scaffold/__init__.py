"""What `rnnbench init` writes into a repository: a suite and a variant around its model, gate settings, a CI workflow."""
