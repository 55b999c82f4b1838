"""Types of the search for invoices and payments by staff."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from backend.actor import TenantId
from backend.invoices.types import InvoiceStatus
from backend.money import Rial
from backend.payments.types import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceQuery:
    """A search for invoices: every word of ``wanted``, and a status, company or day where given."""

    wanted: str = ""
    status: InvoiceStatus | None = None
    tenant_id: TenantId | None = None
    day: date | None = None


class PaymentsFound(NamedTuple):
    """A page of the payments found, the newest first, and how many there are in all."""

    rows: list[Attempt]
    total: int


class CompanyAccount(NamedTuple):
    """A company's due amount, the number of due invoices, and its credit. Negative credit is money taken back."""

    due_count: int
    due_rial: Rial
    credit_rial: int


NO_ACCOUNT = CompanyAccount(due_count=0, due_rial=Rial(0), credit_rial=0)
