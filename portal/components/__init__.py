"""Small parts that pages are made of: plain elements with our own classes, no state."""
