"""Plain HTTP routes: for cookies, status codes and clients that are no browser. Pages themselves are Reflex."""
