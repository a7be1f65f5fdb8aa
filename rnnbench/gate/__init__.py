"""Two sides become a verdict: what each case came to, which cases match, the tests, the policy; and the history of many runs."""
