"""Rows of a comparison of a finished day: formatted strings in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.days import in_both
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.invoices.types import DayComparison, Difference
from portal import routes


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRow:
    """Tokens of one company, model and type that Prometheus shows differently now."""

    key: str
    company: str
    what: str
    stored: str
    measured: str
    difference: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedDay:
    """A finished day beside a new measurement; an empty day says that none was compared."""

    day: str = ""
    sentence: str = ""
    agrees: bool = False
    url: str = ""
    rows: list[DifferenceRow] = field(default_factory=list)


def to_compared(found: DayComparison, companies: Mapping[str, str], lang: Lang) -> ComparedDay:
    """The row of a comparison. ``companies`` are names by label; a label without a name is shown itself."""
    key = "page.compare.agrees" if not found.differences else "page.compare.differs"
    sentence = text(
        key,
        lang,
        stored=fmt.number(found.stored_tokens, lang),
        measured=fmt.number(found.measured_tokens, lang),
    )
    return ComparedDay(
        day=f"{fmt.day(found.day, lang)} · {fmt.identifier(in_both(found.day), lang)}",
        sentence=sentence,
        agrees=not found.differences,
        url=routes.invoices_of_day(found.day),
        rows=[_to_difference(each, companies, lang) for each in found.differences],
    )


def _to_difference(found: Difference, companies: Mapping[str, str], lang: Lang) -> DifferenceRow:
    return DifferenceRow(
        key=f"{found.label}\0{found.model}\0{found.type}",
        company=companies.get(found.label, found.label),
        what=f"{found.model} · {_kind(found.type, lang)}",
        stored=fmt.number(found.stored_tokens, lang),
        measured=fmt.number(found.measured_tokens, lang),
        difference=fmt.number(found.measured_tokens - found.stored_tokens, lang),
        amount=fmt.toman_bare(found.amount_rial, lang),
    )


def _kind(name: str, lang: Lang) -> str:
    """A type of tokens in words; one that came from outside stands for itself."""
    key = f"usage.type.{name}"
    return text(key, lang) if has(key) else name
