"""Rows of the invoice pages: formatted strings in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.invoices.fall_rules import tokens_of
from backend.invoices.types import Invoice, InvoiceDetail, InvoiceLine, InvoiceStatus
from backend.payments.standing_rules import Standing
from backend.usage.types import DailyUsage, MeterFall, MeterReading, UsageFlag
from portal import routes
from portal.features.invoices.standing_rows import left_of, status_of


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    """A line of the list."""

    key: str
    url: str
    number: str
    day: str
    tokens: str
    amount: str
    left: str
    status: str
    tone: str
    is_payable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """A line of an invoice."""

    key: str
    place: str
    model: str
    type: str
    tokens: str
    price: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRow:
    """A meter: its readings at both ends, and the difference that was billed."""

    key: str
    meter: str
    instance: str
    incarnation_start: str
    opening: str
    opened_at: str
    source: str
    closing: str
    closed_at: str
    difference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FallRow:
    """A meter that fell, with both its figures."""

    key: str
    meter: str
    instance: str
    times: str
    span: str
    least: str
    most: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureLine:
    """The whole invoice with one of the figures."""

    name: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagLine:
    """A warning about the day."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceView:
    """An invoice. Empty strings stand for missing fields."""

    title: str = ""
    number: str = ""
    status: str = ""
    tone: str = ""
    is_held: bool = False
    held_note: str = ""
    is_payable: bool = False
    day: str = ""
    issued_at: str = ""
    paid_at: str = ""
    tenant: str = ""
    economic_code: str = ""
    national_id: str = ""
    address: str = ""
    postal_code: str = ""
    window: str = ""
    window_note: str = ""
    clock_version: str = ""
    tokens: str = ""
    net: str = ""
    tax_name: str = ""
    tax: str = ""
    total: str = ""
    coverage: str = ""
    unseen: str = ""
    price_version: str = ""


def to_row(invoice: Invoice, standing: Standing | None, lang: Lang) -> InvoiceRow:
    """A line of the list; an invoice under check cannot be ticked."""
    status, tone = status_of(invoice, standing, lang)
    is_checked = standing is not None and bool(standing.checked)
    return InvoiceRow(
        key=str(invoice.id),
        url=routes.invoice(invoice.id),
        number=fmt.identifier(invoice.number, lang)
        if invoice.number
        else text("page.invoices.no_number", lang),
        day=fmt.day(invoice.day, lang),
        tokens=fmt.number(invoice.tokens, lang),
        amount=fmt.toman_bare(invoice.amount_rial, lang) if invoice.number else "—",
        left=left_of(invoice, standing, lang),
        status=status,
        tone=tone,
        is_payable=invoice.status is InvoiceStatus.PENDING and not is_checked,
    )


def to_view(detail: InvoiceDetail, standing: Standing | None, lang: Lang) -> InvoiceView:
    """The head, the sums and the remarks of one invoice."""
    invoice, tenant = detail.invoice, detail.tenant
    status, tone = status_of(invoice, standing, lang)
    is_held = invoice.status is InvoiceStatus.HELD
    return InvoiceView(
        title=_title(invoice, lang),
        number=fmt.identifier(invoice.number, lang) if invoice.number else "",
        status=status,
        tone=tone,
        is_held=is_held,
        held_note=held_note(invoice, lang),
        is_payable=invoice.status is InvoiceStatus.PENDING,
        day=fmt.day(invoice.day, lang),
        issued_at=fmt.instant(invoice.issued_at, lang) if invoice.issued_at else "",
        paid_at=fmt.moment(invoice.paid_at, lang) if invoice.paid_at else "",
        tenant=invoice.tenant_name(lang),
        economic_code=fmt.digits(tenant.economic_code or "", lang),
        national_id=fmt.digits(tenant.national_id or "", lang),
        address=tenant.postal_address or "",
        postal_code=fmt.digits(tenant.postal_code or "", lang),
        window=text(
            "page.invoice.window",
            lang,
            start=fmt.instant(invoice.window_start, lang),
            end=fmt.instant(invoice.window_end, lang),
        ),
        window_note=text("page.invoice.window_note", lang, timezone=timezone_name(invoice.timezone, lang)),
        clock_version=fmt.identifier(invoice.tzdata_version, lang),
        tokens=fmt.number(invoice.tokens, lang),
        net=fmt.toman_in_column(invoice.net_rial, lang),
        tax_name=text("page.invoice.tax", lang, percent=fmt.percent(invoice.tax_percent / 100, lang)),
        tax=fmt.toman_in_column(invoice.tax_rial, lang),
        total="—" if is_held else fmt.toman_in_column(invoice.amount_rial, lang),
        coverage=fmt.percent(invoice.coverage, lang),
        unseen=_unseen(detail.usage, lang),
        price_version=fmt.number(invoice.price_version, lang),
    )


def held_note(invoice: Invoice, lang: Lang) -> str:
    """The reason for which an invoice is not issued yet, for its company; empty for one that is not held."""
    if invoice.status is not InvoiceStatus.HELD:
        return ""
    key = "page.invoice.held_for_price" if invoice.waits_for_price else "page.invoice.held_note"
    return text(key, lang)


def to_lines(lines: Sequence[InvoiceLine], lang: Lang, *, is_held: bool) -> list[LineRow]:
    """The lines of the invoice; a held one has no prices yet."""
    prices = to_prices([line.rial_per_1000_tokens for line in lines], lang)
    return [
        LineRow(
            key=f"{line.model}/{line.type}",
            place=fmt.number(place, lang),
            model=line.model,
            type=text(f"usage.type.{line.type}", lang) if line.type in _TYPES else line.type,
            tokens=fmt.number(line.tokens, lang),
            price="—" if is_held else price,
            amount="—" if is_held else fmt.toman_bare(line.amount_rial, lang),
        )
        for place, (line, price) in enumerate(zip(lines, prices, strict=True), start=1)
    ]


def to_fall(fall: MeterFall, lang: Lang) -> FallRow:
    """A line of the meters that fell."""
    kind = text(f"usage.type.{fall.type}", lang) if fall.type in _TYPES else fall.type
    first, last = fmt.number(fall.first_value, lang), fmt.number(fall.last_value, lang)
    return FallRow(
        key=f"{fall.model}/{fall.type}/{fall.instance}/{fall.incarnation_start.isoformat()}",
        meter=f"{fall.model} · {kind}",
        instance=fall.instance,
        times=fmt.number(fall.falls, lang),
        span=text("billing.between", lang, least=first, most=last),
        least=fmt.number(fall.least_tokens, lang),
        most=fmt.number(fall.most_tokens, lang),
    )


def to_figures(found: InvoiceDetail, lang: Lang) -> list[FigureLine]:
    """Both figures of a held invoice, or the one that an issued one was issued with."""
    if (chosen := found.invoice.fall_figure) is not None:
        name = text(f"billing.figure.{chosen}", lang)
        return [FigureLine(name=text("page.invoice.falls_chosen", lang), amount=name)]
    return [
        FigureLine(
            name=text(f"billing.figure.{each.figure}", lang),
            amount=text(
                "billing.figure_amount",
                lang,
                tokens=fmt.number(each.tokens, lang),
                amount="—" if each.would_cost_rial is None else fmt.toman(each.would_cost_rial, lang),
            ),
        )
        for each in found.figures
    ]


def to_readings(found: InvoiceDetail, lang: Lang) -> list[ReadingRow]:
    """The evidence of an invoice, a line for each meter."""
    figure = found.invoice.fall_figure
    return [to_reading(reading, tokens_of(reading, found.falls, figure), lang) for reading in found.readings]


def to_reading(reading: MeterReading, tokens: int, lang: Lang) -> ReadingRow:
    """A line of the evidence, with the tokens that are counted of it."""
    kind = text(f"usage.type.{reading.type}", lang) if reading.type in _TYPES else reading.type
    return ReadingRow(
        key=f"{reading.model}/{reading.type}/{reading.instance}/{reading.incarnation_start.isoformat()}",
        meter=f"{reading.model} · {kind}",
        instance=reading.instance,
        incarnation_start=fmt.moment(reading.incarnation_start, lang),
        opening=fmt.number(reading.opening, lang),
        opened_at=fmt.moment(reading.opened_at, lang),
        source=text(f"usage.opening.{reading.opening_source}", lang),
        closing=fmt.number(reading.closing, lang),
        closed_at=fmt.moment(reading.closed_at, lang),
        difference=fmt.number(tokens, lang),
    )


def to_flags(usage: Sequence[DailyUsage], lang: Lang) -> list[FlagLine]:
    """Warnings about the day, each once."""
    present = {flag for row in usage for flag in row.flags}
    return [
        FlagLine(name=text(f"usage.flag_name.{flag}", lang), sentence=text(f"usage.flag.{flag}", lang))
        for flag in UsageFlag
        if flag in present
    ]


def to_prices(rial_per_1000_tokens: Sequence[Decimal], lang: Lang) -> list[str]:
    """Toman for a thousand tokens: all prices of a column with as many decimals as the finest of them has."""
    decimals = max((_decimals(each / 10) for each in rial_per_1000_tokens), default=0)
    return [fmt.digits(f"{each / 10:,.{decimals}f}", lang) for each in rial_per_1000_tokens]


def _decimals(value: Decimal) -> int:
    return len(f"{value:f}".partition(".")[2].rstrip("0"))


def timezone_name(zone: str, lang: Lang) -> str:
    """A time zone as people call it; by its own name, held together, where the catalogue has none."""
    key = f"timezone.{zone.lower().replace('/', '_')}"
    return text(key, lang) if has(key) else f"\u2066{zone}\u2069"


_TYPES = frozenset({"prompt", "cached_prompt", "completion"})


def _title(invoice: Invoice, lang: Lang) -> str:
    if invoice.number:
        return text("page.invoice.heading", lang, number=fmt.identifier(invoice.number, lang))
    if invoice.waits_for_price:
        key = "page.invoice.heading_waits"
    elif invoice.status is InvoiceStatus.HELD:
        key = "page.invoice.heading_held"
    else:
        key = "page.invoice.heading_closed"
    return text(key, lang, day=fmt.day(invoice.day, lang))


def _unseen(usage: Sequence[DailyUsage], lang: Lang) -> str:
    estimate = sum(row.unseen_estimate for row in usage)
    return fmt.number(estimate, lang) if estimate else ""


def status_choices(lang: Lang) -> list[tuple[str, str]]:
    """The statuses that a list can be narrowed to, with their titles; first all of them."""
    return [
        ("", text("pager.all", lang)),
        *((each, text(f"invoice.status.{each}", lang)) for each in InvoiceStatus),
    ]
