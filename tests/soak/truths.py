"""What must hold of the books at any time, and what once the dust has settled. Each gives the breaches it finds."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from backend.actor import TenantId
from backend.db.engine import read
from backend.payments.types import Attempt, PaymentPreview
from backend.sandbox.zibal import codes
from backend.sandbox.zibal.driver import Driver

# Each query gives the rows that break the rule it is named after.
BREACHES = {
    "paid and open disagree with the ledger": """
        SELECT i.id, i.status, i.amount_rial, coalesce(l.paid, 0) AS paid FROM tenant_invoice i
        LEFT JOIN (SELECT invoice_id, -sum(amount_rial) AS paid FROM tenant_ledger
                   WHERE invoice_id IS NOT NULL GROUP BY invoice_id) l ON l.invoice_id = i.id
        WHERE (i.status = 'paid') <> (coalesce(l.paid, 0) = i.amount_rial)
           OR coalesce(l.paid, 0) NOT BETWEEN 0 AND i.amount_rial""",
    "an attempt's money is in the ledger once if it is settled, else not": """
        SELECT a.id, a.state, a.amount_rial, coalesce(l.held, 0) AS held FROM payment_attempt a
        LEFT JOIN (SELECT attempt_id, sum(amount_rial) AS held FROM tenant_ledger
                   WHERE kind IN ('payment', 'reversal') GROUP BY attempt_id) l ON l.attempt_id = a.id
        WHERE coalesce(l.held, 0) <> CASE WHEN a.state = 'settled' THEN a.amount_rial ELSE 0 END""",
    "a payment settles only what it was meant for, and no more": """
        SELECT l.id FROM tenant_ledger l LEFT JOIN payment_allocation p
          ON p.attempt_id = l.attempt_id AND p.invoice_id = l.invoice_id
        WHERE l.kind = 'settlement' AND (p.invoice_id IS NULL OR -l.amount_rial > p.amount_rial)""",
    "a payment settles only its own tenant's invoices": """
        SELECT l.id FROM tenant_ledger l JOIN tenant_invoice i ON i.id = l.invoice_id
        WHERE i.tenant_id <> l.tenant_id""",
    "a settlement takes no more than it brought": """
        SELECT attempt_id, settlement_no FROM tenant_ledger WHERE kind IN ('payment', 'settlement')
        GROUP BY attempt_id, settlement_no HAVING attempt_id IS NOT NULL AND sum(amount_rial) < 0""",
    "what was given back was given back whole": """
        SELECT attempt_id, settlement_no FROM tenant_ledger WHERE attempt_id IS NOT NULL
        GROUP BY attempt_id, settlement_no
        HAVING bool_or(kind = 'reversal') AND sum(amount_rial) FILTER (WHERE kind IN ('payment', 'reversal')) <> 0""",
    "a reversed settlement reopens at least what it settled": """
        SELECT attempt_id, settlement_no, invoice_id FROM tenant_ledger l
        WHERE kind IN ('settlement', 'reopening') AND EXISTS (SELECT FROM tenant_ledger r
          WHERE r.attempt_id = l.attempt_id AND r.settlement_no = l.settlement_no AND r.kind = 'reversal')
        GROUP BY attempt_id, settlement_no, invoice_id HAVING sum(amount_rial) < 0""",
    "only a reversed settlement reopens": """
        SELECT id FROM tenant_ledger l WHERE kind = 'reopening' AND NOT EXISTS (SELECT FROM tenant_ledger r
          WHERE r.attempt_id = l.attempt_id AND r.settlement_no = l.settlement_no AND r.kind = 'reversal')""",
    # What is paid on an invoice and was not settled by a payment that stands is credit.
    "credit is below zero only by what was paid out, when it pays no invoice any more": """
        SELECT b.tenant_id, b.balance, b.paid_out, b.of_credit FROM (
          SELECT tenant_id, sum(amount_rial) AS balance,
            coalesce(-sum(amount_rial) FILTER (WHERE kind = 'payout'), 0) AS paid_out,
            coalesce(-sum(amount_rial) FILTER (WHERE invoice_id IS NOT NULL
              AND (kind <> 'settlement' OR EXISTS (SELECT FROM tenant_ledger r
                WHERE r.attempt_id = l.attempt_id
                  AND r.settlement_no = l.settlement_no AND r.kind = 'reversal'))), 0) AS of_credit
          FROM tenant_ledger l GROUP BY tenant_id) b
        WHERE b.of_credit < 0 OR (b.balance < 0 AND (b.of_credit > 0 OR -b.balance > b.paid_out))""",
    "an invoice that is paid names a session that paid on it, or none when only credit did": """
        SELECT i.id FROM tenant_invoice i WHERE i.status = 'paid' AND i.zibal_track_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM tenant_ledger l JOIN payment_attempt a ON a.id = l.attempt_id
            WHERE l.invoice_id = i.id AND l.kind = 'settlement' AND a.track_id = i.zibal_track_id)""",
    "an allocation is open while its attempt is": """
        SELECT a.id FROM payment_attempt a JOIN payment_allocation p ON p.attempt_id = a.id
        WHERE p.is_open <> (a.state IN
          ('created', 'requested', 'redirected', 'returned', 'paid_unverified', 'review'))""",
    "an attempt's allocations are its amount": """
        SELECT a.id FROM payment_attempt a JOIN payment_allocation p ON p.attempt_id = a.id
        GROUP BY a.id HAVING sum(p.amount_rial) <> a.amount_rial""",
    "no payment begins while money of another one at the same invoice is known to be at the bank": """
        SELECT c.attempt_id, o.attempt_id AS other FROM payment_event c
        JOIN payment_allocation p ON p.attempt_id = c.attempt_id
        JOIN payment_allocation o ON o.invoice_id = p.invoice_id AND o.attempt_id <> p.attempt_id
        JOIN LATERAL (SELECT kind, detail FROM payment_event e WHERE e.attempt_id = o.attempt_id AND e.id < c.id
          AND e.kind IN ('judged', 'resolved') ORDER BY e.id DESC LIMIT 1) l ON l.kind = 'judged'
        WHERE c.kind = 'created' AND l.detail ->> 'verdict' = 'unverified'
          AND l.detail ->> 'state' NOT IN ('settled', 'refunding', 'refunded', 'reversed', 'closed')""",
    "each settlement has one receipt": """
        SELECT l.attempt_id, l.settlement_no FROM tenant_ledger l
        LEFT JOIN outbox_mail m ON m.key = 'payment_received:' || l.attempt_id || ':' || l.settlement_no
        WHERE l.kind = 'payment' AND m.key IS NULL""",
    "each return of money was mailed": """
        SELECT l.attempt_id, l.settlement_no FROM tenant_ledger l
        LEFT JOIN outbox_mail m ON m.key = 'payment_returned:' || l.attempt_id || ':' || l.settlement_no
        WHERE l.kind = 'reversal' AND m.key IS NULL""",
}


# One statement, because it runs after every step.
_ALL = " UNION ALL ".join(
    f"SELECT $rule${name}$rule$ AS rule, to_jsonb(b) AS row FROM ({sql}) b" for name, sql in BREACHES.items()
)


def book_errors() -> list[tuple[str, Any]]:
    """Rules of the books that are broken now, with the rows that break them."""
    with read() as connection:
        return [(row.rule, row.row) for row in connection.execute(text(_ALL))]


_WAITING = """
SELECT i.id, i.amount_rial + coalesce((SELECT sum(l.amount_rial) FROM tenant_ledger l WHERE l.invoice_id = i.id), 0),
  EXISTS (SELECT FROM payment_allocation p JOIN payment_attempt a ON a.id = p.attempt_id WHERE p.invoice_id = i.id
    AND a.redirected_at IS NOT NULL AND (a.state IN ('paid_unverified', 'review')
      OR (a.state = 'returned' AND a.verdict IS NULL)
      OR (a.verdict IN ('unverified', 'mismatch', 'undecided')
        AND a.state NOT IN ('settled', 'refunding', 'refunded', 'reversed', 'closed')))),
  EXISTS (SELECT FROM payment_allocation p JOIN payment_attempt a ON a.id = p.attempt_id WHERE p.invoice_id = i.id
    AND a.verdict = 'unverified' AND a.state NOT IN ('settled', 'refunding', 'refunded', 'reversed', 'closed'))
FROM tenant_invoice i WHERE i.tenant_id = :tenant AND i.status = 'pending'"""


def preview_errors(tenant_id: TenantId, preview: PaymentPreview) -> list[str]:
    """Where what a click on pay would do is not what waits for money and is not in doubt."""
    with read() as connection:
        found = list(connection.execute(text(_WAITING), {"tenant": tenant_id}))
    offered = {each.invoice_id: each.outstanding_rial for each in preview.invoices}
    wrong = [f"{id_}: {rest} is left" for id_, rest, _, _ in found if offered.get(id_, rest) != rest]
    wrong += [f"{id_} is left out" for id_, _, may_be, _ in found if id_ not in offered and not may_be]
    wrong += [f"{id_} is offered" for id_, _, _, is_paid in found if id_ in offered and is_paid]
    if (preview.total_rial, len(offered) + preview.in_doubt) != (sum(offered.values()), len(found)):
        wrong.append(f"{preview.total_rial} and {preview.in_doubt} in doubt are not {len(found)} invoices")
    return wrong


def footprint() -> tuple[Any, ...]:
    """Changes whenever a payment was written."""
    with read() as connection:
        found = connection.execute(
            text(
                "SELECT (SELECT count(*) FROM payment_event), (SELECT count(*) FROM tenant_ledger),"
                " (SELECT sum(check_count) FROM payment_attempt)"
            )
        )
        return tuple(found.one())


def told() -> dict[str, int]:
    """What happened in this history, for the summary: states of attempts and movements of money."""
    statement = text(
        "SELECT state AS name, count(*) AS n FROM payment_attempt GROUP BY 1"
        " UNION ALL SELECT 'ledger ' || kind, count(*) FROM tenant_ledger GROUP BY 1"
        " UNION ALL SELECT 'second settlement', count(*) FROM payment_attempt WHERE settlement_no > 1"
        " UNION ALL SELECT 'prepared session', count(*) FROM payment_event"
        "   WHERE kind = 'requested' AND detail ->> 'handed_over' = 'false'"
        " UNION ALL SELECT 'flag ' || flag, count(*)"
        "   FROM payment_attempt, jsonb_array_elements_text(flags) AS flag GROUP BY 1"
    )
    with read() as connection:
        return {row.name: row.n for row in connection.execute(statement)}


def attempts() -> list[dict[str, Any]]:
    with read() as connection:
        rows = connection.execute(text("SELECT * FROM payment_attempt WHERE track_id IS NOT NULL")).mappings()
        return [dict(row) for row in rows]


def money_without_proof(bank: Driver) -> list[str]:
    """Settled attempts whose money the bank never gave us, or gave in another amount."""
    sessions = {session["track_id"]: session for session in bank.sessions()}
    wrong = []
    for attempt in attempts():
        session = sessions[attempt["track_id"]]
        is_ours = session["verified_at"] is not None and session["amount"] == attempt["amount_rial"]
        if attempt["state"] == "settled" and not (is_ours and session["order_id"] == attempt["order_ref"]):
            wrong.append(f"{attempt['id']} is settled but its session is {session}")
    return wrong


def disagreements(bank: Driver, undecided: Sequence[Attempt]) -> list[str]:
    """Where books and bank differ although the sweeper had its time."""
    listed = {each.id for each in undecided}
    sessions = {session["track_id"]: session for session in bank.sessions()}
    wrong = []
    for attempt in attempts():
        status = sessions[attempt["track_id"]]["status"]
        if not _agree(attempt, status, is_listed=attempt["id"] in listed):
            wrong.append(
                f"{attempt['id']} is {attempt['state']} ({attempt['verdict']}), the bank says {status}"
            )
    return wrong


def _agree(attempt: dict[str, Any], status: int, *, is_listed: bool) -> bool:
    if attempt["redirected_at"] is None:
        return attempt["state"] != "settled"
    match status:
        case codes.VERIFIED:
            return bool(attempt["state"] == "settled")
        case codes.PAID:
            return False
        case codes.REFUNDED | codes.REVERSED | codes.REFUNDING:
            return attempt["state"] in {"refunded", "reversed", "refunding"}
        case codes.WAITING | codes.CANCELLED | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 12 | 21:
            return attempt["state"] in {"expired", "superseded", "cancelled", "failed", "closed"}
        case _:
            return (is_listed or attempt["state"] == "closed") and attempt["state"] != "settled"
