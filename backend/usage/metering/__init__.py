"""The meter: computes the tokens of a window from the counters in Prometheus. Nothing here reads the database."""
