"""Clients of vendors, a file each; their callers never see a vendor's exceptions."""
