"""Whether every closed day is billed, the money comes in, and mails and backups go out."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from backend.telemetry.metrics import HTTP_REQUESTS
from delivery.dashboards.parts import HALF, Limits, Query, Row, curve, figure, made, name_of

_HTTP = name_of(HTTP_REQUESTS)
_ANY = Limits(look=1, bad=1)


def _portal(name: str) -> str:
    """A gauge of the portal; every process of it tells the same, and a missed scrape is carried over."""
    return f"max(last_over_time(portal_{name}[5m]))"


def board() -> Dashboard:
    """The dashboard."""
    return made(
        "docuchat-money",
        "Billing and payments",
        "Whether every closed day is billed, the money comes in, and mails and backups go out.",
        [_now(), _billing(), _payments(), _around()],
        pages=[
            ("Billing", "/billing"),
            ("Invoices", "/all-invoices"),
            ("Payments", "/payments"),
            ("Jobs", "/jobs"),
        ],
    )


def _now() -> Row:
    figures = [
        ("Days due", "billing_due_days", "Closed days that should have invoices by now (BillingRunMissed)."),
        ("Days overdue", "billing_overdue_days", "Too old to be billed by themselves (BillingDayOverdue)."),
        ("Invoices held", "invoices_held", "They wait for an operator (InvoicesHeld)."),
        ("Payments undecided", "payments_undecided", "No outcome after a day (PaymentsUndecided)."),
        ("Payments to look at", "payments_flagged", "A person has to decide (PaymentsFlagged)."),
        ("Mails given up", "mails_given_up", "Sent only when somebody asks (MailsGivenUp)."),
    ]
    return Row(
        title="Now: zero is well",
        panels=[
            figure(title, meaning, Query(expr=_portal(name)), limits=_ANY) for title, name, meaning in figures
        ],
    )


def _billing() -> Row:
    return Row(
        title="Billing",
        panels=[
            curve(
                "Invoiced for the last billed day",
                "Toman, tax included. A step each night; a flat line is a night without billing.",
                Query(expr=f"{_portal('billing_last_day_amount_rial')} / 10", legend="toman"),
            ),
            curve(
                "Invoices of the last billed day",
                "A company without a token has none.",
                Query(expr=_portal("billing_last_day_invoices"), legend="invoices"),
            ),
            curve(
                "Since the last billed day",
                "Time since a run ended well. More than a day and some hours: look at the jobs.",
                Query(
                    expr=f"time() - {_portal('billing_last_success_timestamp_seconds')}",
                    legend="since the end",
                ),
                unit="s",
                limits=Limits(look=90_000, bad=100_000),
            ),
            curve(
                "Time that a night takes",
                "Billing of the day that was billed last.",
                Query(expr=_portal("billing_last_day_duration_seconds"), legend="billing"),
                unit="s",
            ),
        ],
    )


def _payments() -> Row:
    def asked(route: str) -> str:
        return (
            f'60 * (sum(rate({_HTTP}_count{{job="portal",route="{route}"}}[$__rate_interval])) or vector(0))'
        )

    return Row(
        title="Payments",
        panels=[
            curve(
                "Payers a minute",
                "Clicks on pay, and returns from the bank. Clicks without returns: the bank or the gateway hangs.",
                Query(expr=asked("/pay/start"), legend="clicks"),
                Query(expr=asked("/pay/return"), legend="returns"),
            ),
            curve(
                "Payments without an outcome",
                "Open ones are at the bank; checks that are late mean that nobody asks (PaymentChecksLate).",
                Query(expr=_portal("payments_open"), legend="open"),
                Query(expr=_portal("payments_overdue_checks"), legend="checks late"),
            ),
        ],
    )


def _around() -> Row:
    return Row(
        title="Mails and backups",
        panels=[
            curve(
                "Mails",
                "Waiting ones go out every few seconds; rejected ones were refused by the mail server.",
                Query(expr=_portal("mails_waiting"), legend="waiting"),
                Query(expr=_portal("mails_rejected"), legend="rejected"),
            ),
            curve(
                "Age of backup and drill",
                "Since the newest whole backup, and since one was restored for a trial (BackupTooOld at 30 h).",
                Query(expr=f"time() - {_portal('backup_last_success_timestamp_seconds')}", legend="backup"),
                Query(
                    expr=f"time() - {_portal('restore_drill_last_success_timestamp_seconds')}", legend="drill"
                ),
                unit="s",
                limits=Limits(look=100_000, bad=108_000),
            ),
            curve(
                "Size of the newest backup",
                "A sudden fall is a backup of something else.",
                Query(expr=_portal("backup_size_bytes"), legend="backup"),
                unit="bytes",
                span=HALF,
            ),
            curve(
                "Audit trail",
                "Entries at the last full hour. A line that falls is a trail that was shortened.",
                Query(expr="max(portal_audit_entries) or vector(0)", legend="entries"),
                span=HALF,
            ),
        ],
    )
