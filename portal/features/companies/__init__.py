"""The customer companies, for staff: found by any part of what is known of them, and where their money stands."""
