"""Tables whose rows a restore carries over as they are now, and those that go back to the backup.

What people did and what left the house cannot be taken back by a restore: the audit, runs, mails that were sent, who
may sign in, prices, and payments that were begun at the gateway. Invoices, usage and bookings are not among them: they
are measured, issued and booked again.
"""

from backend.db.carrying import CarriedTable, CarryKind

RESTORED = frozenset(
    {
        "alembic_version",
        "alert_wording",  # a cache
        "assistant_answer",  # a cache
        "billed_model",
        "billing_meter",
        "billing_run",
        "daily_usage",
        "document_chunk",  # made from the pages again
        "document_index",
        "invoice_line",
        "measured_day",
        "measured_incarnation",
        "meter_fall",
        "meter_reading",
        "tenant_invoice",
        "usage_scan",  # made again from the samples
        "usage_scan_finding",
    }
)
"""Tables that are as they were when the backup was made."""

CACHES = frozenset({"alert_wording", "assistant_answer", "document_chunk", "document_index"})
"""Those of them that are made again by themselves, and that nobody misses."""

# A payment that the gateway must be asked about again, as if nobody had asked yet. Money states are the gateway's to
# tell; of the others those stay in which nobody waits for the invoice.
_ATTEMPTS = (
    """
    INSERT INTO payment_attempt (id, tenant_id, provider, merchant_fingerprint, amount_rial, order_ref, nonce_sha256,
        track_id, state, created_by, created_at, requested_at, redirected_at, returned_at, next_check_at)
    SELECT c.id, c.tenant_id, c.provider, c.merchant_fingerprint, c.amount_rial, c.order_ref, c.nonce_sha256,
        c.track_id,
        CASE WHEN c.state IN ('requested', 'failed', 'cancelled', 'expired', 'superseded') THEN c.state
             ELSE 'redirected' END,
        c.created_by, c.created_at, c.requested_at,
        CASE WHEN c.state = 'requested' THEN NULL
             ELSE coalesce(c.redirected_at, c.requested_at, c.created_at) END,
        c.returned_at, now()
    FROM carried c WHERE c.track_id IS NOT NULL
    ON CONFLICT (id) DO UPDATE SET next_check_at = now(),
        track_id = coalesce(payment_attempt.track_id, EXCLUDED.track_id),
        requested_at = coalesce(payment_attempt.requested_at, EXCLUDED.requested_at),
        redirected_at = coalesce(payment_attempt.redirected_at, EXCLUDED.redirected_at),
        state = CASE WHEN payment_attempt.state IN ('created', 'requested', 'failed_to_start') THEN EXCLUDED.state
                     ELSE payment_attempt.state END
      WHERE payment_attempt.check_count <> (SELECT s.check_count FROM carried s WHERE s.id = payment_attempt.id)
         OR payment_attempt.track_id IS NULL
         OR payment_attempt.state <> (SELECT s.state FROM carried s WHERE s.id = payment_attempt.id)
    """,
)
_ATTEMPT_CHANGED = " OR ".join(  # noqa: FLY002 - read as a list
    (
        "created_at >= %(since)s",
        "requested_at >= %(since)s",
        "redirected_at >= %(since)s",
        "returned_at >= %(since)s",
        "settled_at >= %(since)s",
        "last_inquiry_at >= %(since)s",
        "resolved_at >= %(since)s",
    )
)
# Where the invoice is gone, the payment becomes credit, which then pays the invoice that is issued again.
_ALLOCATIONS = (
    """
    INSERT INTO payment_allocation (attempt_id, invoice_id, amount_rial, position, is_open)
    SELECT c.attempt_id, c.invoice_id, c.amount_rial, c.position,
        a.state IN ('requested', 'redirected') AND NOT EXISTS (
            SELECT FROM payment_allocation o WHERE o.invoice_id = c.invoice_id AND o.is_open)
        AND NOT EXISTS (SELECT FROM carried d JOIN payment_attempt e ON e.id = d.attempt_id
            WHERE d.invoice_id = c.invoice_id AND e.state IN ('requested', 'redirected')
              AND (e.created_at, e.id) > (a.created_at, a.id))
    FROM carried c JOIN payment_attempt a ON a.id = c.attempt_id JOIN tenant_invoice i ON i.id = c.invoice_id
    ON CONFLICT (attempt_id, invoice_id) DO NOTHING
    """,
)
# A number that a customer was told is given to no other invoice.
_NUMBERS = (
    """
    INSERT INTO invoice_number SELECT * FROM carried ON CONFLICT (jalali_year)
    DO UPDATE SET last = greatest(invoice_number.last, EXCLUDED.last)
    """,
)

CARRIED = (
    CarriedTable(table="tenant", kind=CarryKind.MISSING),
    CarriedTable(table="user_account", kind=CarryKind.MERGE),
    CarriedTable(table="user_session", kind=CarryKind.REPLACE),
    CarriedTable(table="sign_in_attempt", kind=CarryKind.MISSING, changed="at >= %(since)s"),
    CarriedTable(table="audit_entry", kind=CarryKind.APPEND),
    CarriedTable(table="audit_head", kind=CarryKind.MERGE),
    CarriedTable(
        table="runbook_run",
        kind=CarryKind.MERGE,
        changed="greatest(requested_at, planned_at, approved_at, confirmed_at, launched_at, cancel_asked_at,"
        " heartbeat_at, ended_at, stopped_at) >= %(since)s",
    ),
    CarriedTable(
        table="runbook_step",
        kind=CarryKind.MERGE,
        changed="run_id IN (SELECT id FROM runbook_run WHERE greatest(requested_at, heartbeat_at, ended_at)"
        " >= %(since)s)",
        wanted="EXISTS (SELECT FROM runbook_run r WHERE r.id = c.run_id)",
    ),
    CarriedTable(table="run_input", kind=CarryKind.REPLACE),
    CarriedTable(table="runbook_lock", kind=CarryKind.REPLACE),
    CarriedTable(
        table="runbook_log",
        kind=CarryKind.MISSING,
        changed="at >= %(since)s",
        wanted="EXISTS (SELECT FROM runbook_run r WHERE r.id = c.run_id)",
    ),
    CarriedTable(
        table="outbox_mail",
        kind=CarryKind.MERGE,
        changed="greatest(created_at, next_try_at, sent_at, given_up_at) >= %(since)s",
        # What was not sent yet and tells of an invoice that is gone is written anew when that is issued again.
        wanted="c.sent_at IS NOT NULL OR c.key NOT LIKE 'invoice_issued:%%' OR EXISTS (SELECT FROM tenant_invoice i"
        " WHERE c.key = 'invoice_issued:' || i.id)",
    ),
    CarriedTable(
        table="job_run", kind=CarryKind.MERGE, changed="greatest(started_at, finished_at) >= %(since)s"
    ),
    CarriedTable(table="job_pause", kind=CarryKind.REPLACE),
    CarriedTable(table="job_request", kind=CarryKind.REPLACE),
    CarriedTable(table="scheduled_job", kind=CarryKind.REPLACE),
    CarriedTable(table="scheduler_process", kind=CarryKind.REPLACE),
    CarriedTable(
        table="deploy_record", kind=CarryKind.MERGE, changed="greatest(received_at, changed_at) >= %(since)s"
    ),
    CarriedTable(
        table="alert_firing", kind=CarryKind.MERGE, changed="greatest(seen_at, resolved_at) >= %(since)s"
    ),
    CarriedTable(
        table="alert_event",
        kind=CarryKind.MISSING,
        changed="at >= %(since)s",
        wanted="EXISTS (SELECT FROM alert_firing f WHERE f.id = c.firing_id)",
    ),
    CarriedTable(table="alert_observation", kind=CarryKind.MERGE, changed="until >= %(since)s"),
    CarriedTable(table="alert_source", kind=CarryKind.REPLACE),
    CarriedTable(table="alert_silence", kind=CarryKind.MERGE),
    CarriedTable(table="alert_silence_change", kind=CarryKind.MISSING, changed="at >= %(since)s"),
    CarriedTable(table="assistant_call", kind=CarryKind.MISSING, changed="at >= %(since)s"),
    CarriedTable(table="price_list", kind=CarryKind.MISSING),
    CarriedTable(table="price_override", kind=CarryKind.MISSING),
    CarriedTable(table="price_alias", kind=CarryKind.MISSING),
    CarriedTable(table="tax_rate", kind=CarryKind.MISSING),
    CarriedTable(table="invoice_number", kind=CarryKind.MERGE, then=_NUMBERS),
    CarriedTable(table="payment_attempt", kind=CarryKind.MERGE, changed=_ATTEMPT_CHANGED, then=_ATTEMPTS),
    CarriedTable(
        table="payment_allocation",
        kind=CarryKind.MERGE,
        changed="attempt_id IN (SELECT id FROM payment_attempt WHERE created_at >= %(since)s)",
        then=_ALLOCATIONS,
    ),
    CarriedTable(
        table="payment_event",
        kind=CarryKind.MISSING,
        changed="at >= %(since)s",
        wanted="EXISTS (SELECT FROM payment_attempt a WHERE a.id = c.attempt_id)",
    ),
    CarriedTable(
        table="tenant_ledger",
        kind=CarryKind.MISSING,
        changed="kind = 'payout' AND at >= %(since)s",
    ),
    CarriedTable(table="database_backup", kind=CarryKind.MERGE),
    CarriedTable(table="restore_drill", kind=CarryKind.MERGE),
    CarriedTable(table="database_restore", kind=CarryKind.MERGE),
)
"""Tables whose rows are carried over, in the order in which they refer to one another."""
