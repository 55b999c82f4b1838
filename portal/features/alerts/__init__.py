"""Alerts, for staff: what fires now, what fired before, and what is silenced."""
