"""Invoices: one per tenant and day."""
