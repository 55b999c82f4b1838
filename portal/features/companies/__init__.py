"""The customer companies, for staff: a searchable list with their balances."""
