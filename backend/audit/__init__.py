"""Audit trail: actions and their actors, in a hash chain that reveals tampering."""
