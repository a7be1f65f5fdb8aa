"""`rnnbench choose`: from a goal to a ranked answer, in stages: predict, measure each candidate briefly, duel the finalists."""
