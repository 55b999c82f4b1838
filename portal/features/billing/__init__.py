"""Staff's room for billing: runs, what is held, what nobody is billed for, and the next run before it happens."""
