"""What one step asks for, holds and runs: formulas, exact bytes, operators and kernels. Nothing here is timed for a record."""
