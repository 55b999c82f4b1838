"""Signing in, and a user's own settings."""
