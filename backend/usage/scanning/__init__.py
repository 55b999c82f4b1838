"""The scan of a closed day: every sample of its counters is looked at once, for what boundaries cannot show."""
