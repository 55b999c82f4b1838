"""Rotations of credentials, on a cluster whose pods really use them."""
