"""What the scheduler ran, and how it ended."""
