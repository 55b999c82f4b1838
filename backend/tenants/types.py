"""Types of tenants."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from backend.actor import TenantId
from backend.i18n.catalog import DEFAULT_LANGUAGE, Lang

INTERNAL_LABEL = "docuchat-portal-internal"
"""The tenant label of the portal's own requests to a model: no company can have it, and nobody is billed for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTenant:
    """A customer company to be created. ``label`` is the value of the tenant label on DocuChat's counters."""

    label: str
    name_fa: str
    name_en: str
    billing_email: str
    billed_from: date
    language: Lang = DEFAULT_LANGUAGE
    economic_code: str | None = None
    national_id: str | None = None
    postal_address: str | None = None
    postal_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A customer company. Its legal fields are printed on invoices when present."""

    id: TenantId
    label: str
    name_fa: str
    name_en: str
    language: Lang
    billing_email: str
    billed_from: date
    economic_code: str | None
    national_id: str | None
    postal_address: str | None
    postal_code: str | None
    created_at: datetime

    def name(self, lang: Lang) -> str:
        """The company's name in a language."""
        return self.name_fa if lang == "fa" else self.name_en


class TenantPage(NamedTuple):
    """A stretch of the companies that were looked for, and how many there are in all."""

    rows: list[Tenant]
    total: int
