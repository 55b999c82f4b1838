"""Runbooks: a page for each alert, in Persian and in English."""
