"""When things happen: one job per file."""
