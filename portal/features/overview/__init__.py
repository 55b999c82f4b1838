"""The overview, the staff's first page: is all well, what is wrong, and since when."""
