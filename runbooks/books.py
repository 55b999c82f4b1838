"""The books after a restore: what of them a plan lists, what a run remembers, and how they are made right again."""

from datetime import date, datetime
from uuid import UUID

from backend.actor import TenantId
from backend.audit.types import Plain
from backend.errors import AppError, Conflict
from backend.invoices import service as invoices
from backend.invoices.types import BillingRun, RunState
from backend.money import RIAL_PER_TOMAN
from backend.payments import service as payments
from backend.payments.types import AttemptId
from backend.runbooks.types import Words
from backend.runbooks.words_rules import outcome_of
from runbooks.action import ActionParameters
from runbooks.context import Planning, Running

# Longer lists would only be scrolled past.
MOST_LISTED = 20
MOST_REMEMBERED = 5_000
BILLING_TRIES, BILLING_WAIT_S = 60, 1.0


def notes_of(planning: Planning, since: datetime) -> list[Words]:
    """The invoices and payments since an instant, as notes of a plan."""
    days = invoices.issued_since(planning.actor, since)
    begun = payments.begun_since(planning.actor, since)
    notes = [
        _note(
            "invoices",
            day=each.day,
            invoices=each.invoices,
            toman=each.amount_rial // RIAL_PER_TOMAN,
            paid=each.paid,
        )
        for each in days[:MOST_LISTED]
    ]
    notes += [
        _note("payment", track=str(each.track_id), toman=each.amount_rial // RIAL_PER_TOMAN, at=each.begun_at)
        for each in begun[:MOST_LISTED]
    ]
    if len(begun) > MOST_LISTED:
        notes.append(_note("more_payments", payments=len(begun) - MOST_LISTED))
    return notes


def remember(running: Running, since: datetime) -> None:
    """Remember the days and payments to be billed and asked about again: the swap takes the knowledge of them away."""
    if "days" in running.memory:
        return
    begun = payments.begun_since(running.actor, since)
    paid = invoices.paid_since(running.actor, since)
    days: list[Plain] = [each.day.isoformat() for each in invoices.issued_since(running.actor, since)]
    running.remember(
        attempts=[str(each.id) for each in begun[:MOST_REMEMBERED]],
        paid=[f"{tenant} {day}" for tenant, day in paid[:MOST_REMEMBERED]],
        days=days,
    )


def book_again(running: Running, _given: ActionParameters) -> None:
    """Bill the remembered days again, and ask the gateway about the remembered payments."""
    memory = running.memory if running.undone is None else {**running.undone.memory, **running.memory}
    for day in _texts(memory.get("days")):
        _bill(running, date.fromisoformat(day))
    places = [each.partition(" ") for each in _texts(memory.get("paid"))]
    booked = payments.book_again(
        running.actor,
        [AttemptId(UUID(each)) for each in _texts(memory.get("attempts"))],
        [(TenantId(UUID(tenant)), date.fromisoformat(day)) for tenant, _, day in places],
    )
    if not booked.asked and not booked.paid_from_credit:
        running.changed("runbooks.restore_database.nothing_to_book")
        return
    running.changed(
        "runbooks.restore_database.booked",
        asked=booked.asked,
        settled=booked.settled,
        failed=booked.failed,
        paid=booked.paid_from_credit,
    )


def _bill(running: Running, day: date) -> None:
    try:
        run = _billed(running, day)
    except AppError as error:
        why = outcome_of(error)
        running.log(why.key, **why.values)
        running.changed("runbooks.restore_database.not_billed", day=day)
        return
    if run is None:
        running.log("runbooks.restore_database.nothing_to_bill", day=day)
    elif run.state == RunState.FAILED:
        running.changed("runbooks.restore_database.not_billed", day=day)
    else:
        running.changed(
            "runbooks.restore_database.billed",
            day=day,
            invoices=run.issued,
            held=run.held,
            toman=run.amount_rial // RIAL_PER_TOMAN,
        )


def _billed(running: Running, day: date) -> BillingRun | None:
    """Bill a day, as soon as another run of billing is over: it may be at work on this very day."""
    for _ in range(BILLING_TRIES):
        try:
            return invoices.bill_day(running.actor, day)
        except Conflict:
            running.wait(BILLING_WAIT_S)
    return invoices.bill_day(running.actor, day)


def _texts(remembered: Plain) -> list[str]:
    return [str(each) for each in remembered] if isinstance(remembered, list) else []


def _note(key: str, **values: str | int | date) -> Words:
    return Words(key=f"runbooks.restore_database.{key}", values=values)
