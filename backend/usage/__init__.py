"""Exact daily usage from the counters of DocuChat."""
