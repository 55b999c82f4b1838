"""The actions, one module each. ``runbooks.registry`` finds them: no list names them."""
