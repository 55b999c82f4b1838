"""Paying invoices by Zibal: attempts, their reconciliation with the gateway, and the ledger of every tenant's money.

Only what the gateway answers to our own questions moves money; a callback merely names an attempt. An attempt is
committed before the gateway hears of it, settles once, and its money is never lost: what its invoices no longer need
becomes credit of the tenant.
"""
