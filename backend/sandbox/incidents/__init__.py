"""Incidents of the demo: made the way production makes them, started and ended with a click each."""
