"""Job runs: firings of scheduled jobs and their outcomes."""
