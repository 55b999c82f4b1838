"""Price lists by date, and value added tax."""
