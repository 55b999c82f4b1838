"""Who signs in: users, roles, sessions."""
