"""Payments that staff must look at: undecided and flagged ones, with their evidence."""
