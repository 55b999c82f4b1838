"""The mails that tell a tenant that money arrived, or that the bank took it back."""

from collections.abc import Sequence
from datetime import datetime

from backend.invoices.types import Due
from backend.notifications.types import Mail
from backend.payments.types import Attempt
from backend.tenants.types import Tenant


def receipt_mail(
    attempt: Attempt,
    tenant: Tenant,
    dues: Sequence[Due],
    *,
    at: datetime,
    credit_rial: int = 0,
    debt_rial: int = 0,
    outstanding_rial: int = 0,
) -> Mail:
    """The receipt of a settled attempt; its key makes it one for ever.

    ``credit_rial`` is what the invoices did not need, ``debt_rial`` what of it went to a debt, ``outstanding_rial``
    what the invoices wait for after it.
    """
    return Mail(
        key=f"payment_received:{attempt.id}:{attempt.settlement_no}",
        recipient=tenant.billing_email,
        language=tenant.language,
        template="payment_received",
        params=_payment(attempt, tenant, dues, at)
        | {
            "credit_rial": credit_rial - debt_rial,
            "debt_rial": debt_rial,
            "outstanding_rial": outstanding_rial,
        },
    )


def returned_mail(
    attempt: Attempt,
    tenant: Tenant,
    dues: Sequence[Due],
    *,
    at: datetime,
    is_returning: bool,
    reopened_rial: int,
    balance_rial: int,
) -> Mail:
    """The mail about money that the bank took back of a settled attempt; one mail for each settlement, by its key.

    ``dues`` are the invoices that wait for money again, ``reopened_rial`` their sum. ``balance_rial`` is the tenant's
    credit after that, or its debt when negative.
    """
    return Mail(
        key=f"payment_returned:{attempt.id}:{attempt.settlement_no}",
        recipient=tenant.billing_email,
        language=tenant.language,
        template="payment_returned",
        params=_payment(attempt, tenant, dues, at)
        | {
            "reopened_rial": reopened_rial,
            "credit_rial": max(0, balance_rial),
            "debt_rial": max(0, -balance_rial),
            "is_returning": int(is_returning),
        },
    )


def _payment(attempt: Attempt, tenant: Tenant, dues: Sequence[Due], at: datetime) -> dict[str, str | int]:
    in_order = sorted(dues, key=lambda each: (each.day, each.number))
    return {
        "tenant_name": tenant.name(tenant.language),
        "amount_rial": attempt.amount_rial,
        "numbers": ", ".join(each.number for each in in_order),
        "track_id": str(attempt.track_id),
        "reference": attempt.check.ref_number or "",
        "card": attempt.check.card_mask or "",
        "at": at.isoformat(),
        # A restore may have taken its invoices away; then the mail leads to the list of all.
        "invoice_id": str(next((each.id for each in in_order), next(iter(attempt.invoice_ids), ""))),
    }
