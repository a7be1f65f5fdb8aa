"""The costs of one step: FLOP formulas, exact bytes, operators and kernels. Nothing here is timed for a record."""
