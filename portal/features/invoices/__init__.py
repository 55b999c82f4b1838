"""A tenant's invoices, and one invoice with all its evidence."""
