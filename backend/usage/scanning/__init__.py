"""The scan: checks every sample of a closed day once, for what the boundary samples cannot show."""
