"""The audit trail, for the staff: search it, prove that nobody rewrote it, take it along."""
