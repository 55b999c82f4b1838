"""The web process: Reflex pages over the services of backend, and the plain routes beside them."""
