"""Plain HTTP: what needs a cookie, a status code or no browser at all. Pages themselves are Reflex."""
