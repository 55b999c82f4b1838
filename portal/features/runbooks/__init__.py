"""Runbooks, for the staff."""
