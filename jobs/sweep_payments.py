"""Every minute: reconcile payments whose payer never came back. After the nightly run: open new sessions."""

from backend.actor import Actor
from backend.payments import service as payments

NAME = "sweep_payments"
OPEN_NAME = "open_payment_sessions"


def run(actor: Actor) -> str | None:
    """Reconcile the payments that are due; harmless at any time, in any number, however it ends.

    None while another sweep is at work.
    """
    report = payments.sweep(actor)
    if report.was_busy:
        return None
    if not (report.settled or report.expired or report.failed or report.left):
        return ""
    return (
        f"{report.reconciled} reconciled, {report.settled} settled, {report.expired} expired, {report.failed} failed,"
        f" {report.left} left, {report.undecided} undecided"
    )


def open_sessions(actor: Actor) -> str:
    """Open payments ahead of the click where the setting asks for it."""
    report = payments.open_sessions(actor)
    return f"{report.opened} opened, {report.failed} failed" if report.opened or report.failed else ""
