"""Rows of the billing page: formatted strings in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.invoices.types import BillingRun, DayPlan, FigureAmount, HeldInvoice, Invoice, RunState
from backend.usage.types import FallFigure, UnknownLabel
from portal import routes
from portal.components.reasons import Reason

TONES = {RunState.RUNNING: "info", RunState.FINISHED: "ok", RunState.FAILED: "bad"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """An attempt to bill a day."""

    key: str
    day: str
    url: str
    state: str
    tone: str
    issued: str
    held: str
    unknown: str
    tokens: str
    amount: str
    started: str
    duration: str
    started_by: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureChoice:
    """A figure of meters that fell, with which an invoice can be issued."""

    value: str
    name: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """An invoice that waits for a decision."""

    key: str
    url: str
    tenant: str
    day: str
    tokens: str
    coverage: str
    would_cost: str
    reasons: list[Reason]
    figures: list[FigureChoice]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownRow:
    """Usage under a label that no tenant has."""

    label: str
    days: str
    span: str
    tokens: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """A day of a plan."""

    key: str
    day: str
    tenants: str
    tokens: str
    amount: str
    held: str
    unknown: str
    measured: str
    is_failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DayChoice:
    """A day that a run can be asked for."""

    value: str
    name: str


def to_run(run: BillingRun, lang: Lang) -> RunRow:
    """A line of the runs."""
    return RunRow(
        key=str(run.id),
        day=fmt.day(run.day, lang),
        url=routes.invoices_of_day(run.day),
        state=text(f"billing.state.{run.state}", lang),
        tone=TONES[run.state],
        issued=fmt.number(run.issued, lang),
        held=fmt.number(run.held, lang),
        unknown=fmt.number(run.unknown_labels, lang),
        tokens=fmt.number(run.tokens, lang),
        amount=fmt.toman_bare(run.amount_rial, lang),
        started=fmt.moment(run.started_at, lang),
        duration=fmt.duration(run.duration_s, lang) if run.finished_at else "—",
        started_by=started_by(run.started_by, lang),
        error=failure(run.error, lang),
    )


def started_by(name: str, lang: Lang) -> str:
    """The system's own runs by their name in the catalogue, people by their address."""
    key = f"billing.started_by.{name}"
    return text(key, lang) if has(key) else name


def failure(error: str | None, lang: Lang) -> str:
    """The sentence for a failed run's reason, which is stored as a catalogue key; the general one where none fits."""
    if not error:
        return ""
    parts = error.split(".")
    for end in range(len(parts), 0, -1):
        for section in ("billing.failure", "error"):
            key = f"{section}.{'.'.join(parts[:end])}"
            if has(key):
                return text(key, lang, reference="—", wait_s=0)
    return text("billing.failed", lang)


def to_held(held: HeldInvoice, lang: Lang) -> HeldRow:
    """A line of a held invoice."""
    invoice = held.invoice
    return HeldRow(
        key=str(invoice.id),
        url=routes.invoice(invoice.id),
        tenant=invoice.tenant_name(lang),
        day=fmt.day(invoice.day, lang),
        tokens=fmt.number(invoice.tokens, lang),
        coverage=fmt.percent_in_column(invoice.coverage, lang),
        would_cost=_would_cost(held, lang),
        reasons=[reason(name, lang) for name in invoice.held_reasons],
        figures=[to_figure(each, lang) for each in held.figures],
    )


def _would_cost(held: HeldInvoice, lang: Lang) -> str:
    amounts = dict.fromkeys(each.would_cost_rial for each in held.figures) or {held.would_cost_rial: None}
    told = ["—" if rial is None else fmt.toman_bare(rial, lang) for rial in amounts]
    return text("billing.between", lang, least=told[0], most=told[-1]) if len(told) > 1 else told[0]


def with_unit(cost: str, lang: Lang) -> str:
    """A cost out of its column, where no head names the unit; a dash stays a dash."""
    return cost if cost == "—" else text("unit.toman", lang, amount=cost)


def to_figure(found: FigureAmount, lang: Lang) -> FigureChoice:
    """A choice of the dialog, with the tokens and the amount of the whole invoice."""
    tokens = fmt.number(found.tokens, lang)
    amount = "—" if found.would_cost_rial is None else fmt.toman(found.would_cost_rial, lang)
    return FigureChoice(
        value=found.figure.value,
        name=text(f"billing.figure.{found.figure}", lang),
        amount=text("billing.figure_amount", lang, tokens=tokens, amount=amount),
    )


def figure_named(name: object) -> FallFigure | None:
    """The figure that a form names; None for anything else."""
    return next((figure for figure in FallFigure if figure.value == name), None)


def released(invoice: Invoice, lang: Lang) -> str:
    """Result of releasing a held invoice."""
    if not invoice.number:
        return text("billing.closed", lang, day=fmt.day(invoice.day, lang))
    return text("billing.released", lang, number=fmt.identifier(invoice.number, lang))


def reason(name: str, lang: Lang) -> Reason:
    """A reason in plain words."""
    if has(f"usage.flag.{name}"):
        return Reason(name=text(f"usage.flag_name.{name}", lang), sentence=text(f"usage.flag.{name}", lang))
    if has(f"invoice.hold.{name}"):
        return Reason(
            name=text(f"invoice.hold_name.{name}", lang), sentence=text(f"invoice.hold.{name}", lang)
        )
    return Reason(name=text("invoice.hold_name.unknown", lang), sentence=text("invoice.hold.unknown", lang))


def to_unknown(found: UnknownLabel, lang: Lang) -> UnknownRow:
    """A line for a label that no tenant has."""
    return UnknownRow(
        label=found.label,
        days=fmt.number(found.days, lang),
        span=text(
            "billing.span", lang, first=fmt.day(found.first_day, lang), last=fmt.day(found.last_day, lang)
        ),
        tokens=fmt.number(found.tokens, lang),
    )


def to_plan(day: DayPlan, lang: Lang) -> PlanRow:
    """A line of the plan."""
    return PlanRow(
        key=f"{day.day.isoformat()}{'-waited' if day.has_waited else ''}",
        day=fmt.day(day.day, lang),
        tenants=fmt.number(day.tenants, lang),
        tokens=fmt.number(day.tokens, lang),
        amount=fmt.toman_bare(day.amount_rial, lang),
        held=fmt.number(day.held, lang),
        unknown=fmt.number(len(day.unknown_labels), lang),
        measured=failure(day.error, lang) or _measured(day, lang),
        is_failed=bool(day.error),
    )


def _measured(day: DayPlan, lang: Lang) -> str:
    if day.has_waited:
        return text("billing.priced_day", lang)
    if day.new and not day.is_scanned:
        return text("billing.new_day_unscanned", lang)
    return text("billing.new_day" if day.new else "billing.measured_day", lang)


def to_choices(days: Sequence[date], lang: Lang) -> list[DayChoice]:
    """Days to choose from."""
    return [DayChoice(value=day.isoformat(), name=fmt.day(day, lang)) for day in days]
