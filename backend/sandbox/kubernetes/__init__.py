"""An emulator of the part of Kubernetes that the portal speaks with: a server on a port, with DocuChat inside."""
