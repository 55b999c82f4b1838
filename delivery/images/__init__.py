"""Building the images, and trying them without an engine."""
