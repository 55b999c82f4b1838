"""Hostile data for every parser of what comes from outside: a few examples in the tests, many by `make fuzz`."""
