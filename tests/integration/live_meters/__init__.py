"""The meter on real processes, scraped by a real Prometheus: what was seen for real is counted exactly or held."""
