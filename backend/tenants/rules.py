"""Rules of tenants: checks of a new tenant."""

from dataclasses import replace

from backend.accounts.rules import checked_email, checked_name
from backend.days import checked_day
from backend.errors import Invalid
from backend.free_text import is_exact, latin_digits, written
from backend.i18n.catalog import LANGUAGES
from backend.tenants.types import INTERNAL_LABEL, NewTenant

LABEL_MAX_LENGTH = 200
LEGAL_MAX_LENGTH = 500


def checked(new: NewTenant) -> NewTenant:
    """A new tenant with tidy texts. Raises Invalid when the label, a name, the address or the language does not fit."""
    if not is_exact(new.label, LABEL_MAX_LENGTH) or new.label == INTERNAL_LABEL:
        raise Invalid(field="label", reason="tenant_label")
    if new.language not in LANGUAGES:
        raise Invalid(field="language")
    return replace(
        new,
        billed_from=checked_day(new.billed_from),
        name_fa=checked_name(new.name_fa, "name_fa"),
        name_en=checked_name(new.name_en, "name_en"),
        billing_email=checked_email(new.billing_email),
        economic_code=_code(new.economic_code, "economic_code"),
        national_id=_code(new.national_id, "national_id"),
        postal_address=_legal(new.postal_address, "postal_address"),
        postal_code=_code(new.postal_code, "postal_code"),
    )


def _code(value: str | None, field: str) -> str | None:
    return _legal(latin_digits(value) if value else value, field)


def _legal(value: str | None, field: str) -> str | None:
    if not value:
        return None
    try:
        return written(value, longest=LEGAL_MAX_LENGTH)
    except ValueError:
        raise Invalid(field=field, reason="name", max_length=LEGAL_MAX_LENGTH) from None
