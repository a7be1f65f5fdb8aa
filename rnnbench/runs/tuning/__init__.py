"""Equal tuning: the same number of trials for every setting, chosen on the validation split alone."""
