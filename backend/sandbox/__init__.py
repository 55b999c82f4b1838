"""The laptop's outside world: every part that production finds on a network, as a server on a port."""
