"""Accounts: users, their roles, their sessions and sign-in."""
