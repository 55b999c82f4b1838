"""Jobs: scheduled work, a file for each."""
