"""Runs of runbooks' actions: what was planned, confirmed, approved, done, and by whom."""
