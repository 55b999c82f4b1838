"""Signing in, and what a person keeps about oneself."""
