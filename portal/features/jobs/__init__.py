"""Scheduled jobs, for the staff: what runs when, how it went, and what people ask of it."""
