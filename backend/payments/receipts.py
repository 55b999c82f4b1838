"""The mail that tells a tenant that money arrived."""

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
        key=f"payment_received:{attempt.id}:{attempt.turn}",
        recipient=tenant.billing_email,
        language=tenant.language,
        template="payment_received",
        params={
            "tenant_name": tenant.name(tenant.language),
            "amount_rial": attempt.amount_rial,
            "numbers": ", ".join(
                each.number for each in sorted(dues, key=lambda each: (each.day, each.number))
            ),
            "track_id": str(attempt.track_id),
            "reference": attempt.ref_number or "",
            "card": attempt.card_mask or "",
            "credit_rial": credit_rial - debt_rial,
            "debt_rial": debt_rial,
            "outstanding_rial": outstanding_rial,
            "at": at.isoformat(),
            "invoice_id": str(attempt.invoice_ids[0]),
        },
    )
