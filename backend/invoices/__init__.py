"""One invoice per tenant and day."""
