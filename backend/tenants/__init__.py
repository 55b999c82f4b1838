"""The customer companies."""
