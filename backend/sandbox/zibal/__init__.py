"""A stand-in for Zibal's gateway: a server on a port that answers as the real one does, and misbehaves on demand."""
