"""Doors: addresses where other machines hand something in, each with a bearer token of its own."""
