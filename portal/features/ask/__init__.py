"""Questions to the runbooks, for the staff."""
