"""Billing for staff: runs, held invoices, labels that no tenant has, and the plan of the next run."""
