"""A tenant's usage: today so far, this month, and the days before."""
