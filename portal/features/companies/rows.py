"""Rows of the list of companies: formatted strings in the reader's language."""

from dataclasses import dataclass

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang
from backend.payments.search_types import CompanyAccount
from backend.tenants.types import Tenant
from portal import routes


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyRow:
    """A company, with a link to its invoices."""

    key: str
    name: str
    url: str
    label: str
    billing_email: str
    billed_from: str
    due_count: str
    due: str
    credit: str


def to_company(tenant: Tenant, account: CompanyAccount, lang: Lang) -> CompanyRow:
    """A line of the list."""
    return CompanyRow(
        key=str(tenant.id),
        name=tenant.name(lang),
        url=routes.invoices_of_company(tenant.id),
        label=tenant.label,
        billing_email=tenant.billing_email,
        billed_from=fmt.day(tenant.billed_from, lang),
        due_count=fmt.number(account.due_count, lang),
        due=fmt.toman_bare(account.due_rial, lang),
        credit=fmt.toman_bare(account.credit_rial, lang),
    )
