"""Secrets that people give to runs: each waits in a Kubernetes Secret, and only its name is stored."""
