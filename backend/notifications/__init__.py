"""Mail by outbox: sent at least once, never lost."""
