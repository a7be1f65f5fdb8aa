"""Cases on the machines of a Ray cluster. Ray is the extra `ray`, and is imported only where a run asks for it."""
