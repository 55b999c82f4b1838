"""The meter: tokens of a window from the counters in Prometheus. The database is known only to the service."""
