"""Wording by a model: it may say known facts in other words, and nothing else."""
