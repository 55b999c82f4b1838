"""The history of deployments and how delivery goes, for staff."""
