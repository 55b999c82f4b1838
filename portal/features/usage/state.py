"""State of the usage page: stored days from the database, and today from the meters, refreshed while it is open."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import reflex as rx

from backend import clock
from backend.actor import Actor, TenantId, own_tenant
from backend.errors import SignInRequired
from backend.i18n.catalog import Lang
from backend.invoices import service as invoices
from backend.pricing import estimate_rules
from backend.pricing import rules as pricing_rules
from backend.pricing import service as pricing
from backend.pricing.types import Amount
from backend.tenants import service as tenants
from backend.usage import service as usage
from portal import bridge, routes, task_owner
from portal.bridge import Problem, ThreadPool
from portal.features.usage import rows
from portal.features.usage.chart_layout import ChartColumn, ChartTick, lay_out_chart
from portal.features.usage.rows import DayRow, MonthView, SeriesRow, TodayView
from portal.guard import TENANT, allow
from portal.i18n import language
from portal.loaded import LoadedPage
from portal.place import PAGE_SIZE, Pager, place_of, to_pager
from portal.task_owner import TaskOwner

CHART_DAYS = 30
REFRESH_S = 20
# A day that is settled while a tab is open appears there within this time.
LOOK_AGAIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredView:
    """Everything that comes from the database."""

    days: list[DayRow]
    columns: list[ChartColumn]
    ticks: list[ChartTick]
    series: list[SeriesRow]
    month: Amount
    month_since: date
    day: date
    read_at: datetime
    settling: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """Today's measurement, and its amount."""

    day: date
    view: TodayView
    amount: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageView:
    """A page of the closed days, and which days have ended and are in none of them yet."""

    days: list[DayRow] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)
    settling: str = ""


class ChartState(rx.State):
    """The chart's data, apart from the rest, so that it is drawn anew only when it changes."""

    columns: list[ChartColumn] = []
    ticks: list[ChartTick] = []
    series: list[SeriesRow] = []


class UsageState(LoadedPage, rx.State):
    """A tab's view of its tenant's usage. Today's measurements are kept apart from stored days."""

    view: UsageView = UsageView()
    today_phase: str = "loading"
    today_problem: Problem = Problem(text="")
    today: TodayView = TodayView()
    month: MonthView = MonthView()
    is_month_whole: bool = False
    _month: Amount = Amount()
    _month_since: date | None = None
    _day: date | None = None
    _read_at: datetime | None = None
    _today: Amount | None = None
    _today_day: date | None = None

    @rx.event
    @allow(TENANT)
    async def load(self) -> None:
        """Stored days and the month; today comes on its own, because it depends on somebody else."""
        if stored := await self._read(stored_view):
            await self._show_stored(stored, language(self))

    @rx.event(background=True)
    @allow(TENANT)
    async def follow(self) -> AsyncIterator[Any]:
        """Measure today again and again while the page is open. Leaving the page ends it."""
        owner, lang = await task_owner.of(self), language(self)
        while owner.is_here(self):
            try:
                outcome, stored = await self._measured(owner, lang)
            except SignInRequired:
                here = self.router.url
                yield rx.redirect(routes.sign_in_again(here.path, here.query, error=SignInRequired.code))
                return
            async with owner.holding(self) as is_ours:
                if not is_ours:
                    return
                await self._show_both(stored, outcome, lang)
            await asyncio.sleep(REFRESH_S)

    @rx.event(background=True)
    @allow(TENANT)
    async def measure_again(self) -> None:
        """The reader does not want to wait for the next time."""
        owner, lang = await task_owner.of(self), language(self)
        outcome, stored = await self._measured(owner, lang)
        async with owner.holding(self) as is_ours:
            if is_ours:
                await self._show_both(stored, outcome, lang)

    async def _measured(
        self, owner: TaskOwner, lang: Lang
    ) -> tuple[Today | Problem, StoredView | Problem | None]:
        """Today now, and the stored days where they may have changed. Raises SignInRequired for who has gone."""
        outcome = await owner.confirmed(self, await shared_today(owner.actor, lang))
        stored = await self._stored_since(outcome, owner.actor, lang)
        return outcome, await owner.confirmed(self, stored)

    async def _stored_since(
        self, measured: Today | Problem, actor: Actor, lang: Lang
    ) -> StoredView | Problem | None:
        """The stored days again, if a day has ended since they were read, or one may have been settled."""
        if isinstance(measured, Problem) or self._day is None or self._read_at is None:
            return None
        is_missing_one = self.view.settling != "" and clock.utc_now() - self._read_at >= LOOK_AGAIN
        if measured.day == self._day and not is_missing_one:
            return None
        return await bridge.attempt(lang, lambda: stored_view(actor, lang))

    async def _show_both(
        self, stored: StoredView | Problem | None, measured: Today | Problem, lang: Lang
    ) -> None:
        if isinstance(stored, StoredView):
            await self._show_stored(stored, lang)
        # Beside the days of another time the new figure would be wrong, so the next round asks for both again.
        self._show_today(stored if isinstance(stored, Problem) else measured, lang)

    async def _show_stored(self, stored: StoredView, lang: Lang) -> None:
        self._month, self._month_since = stored.month, stored.month_since
        self._day, self._read_at = stored.day, stored.read_at
        drawn = await self.get_state(ChartState)
        drawn.columns, drawn.ticks, drawn.series = stored.columns, stored.ticks, stored.series
        self.view = self._page_of_days(stored, lang)
        self._show_month(lang)

    def _page_of_days(self, stored: StoredView, lang: Lang) -> UsageView:
        total = len(stored.days)
        place = place_of(self).within(total)
        days = rows.first_of_months(stored.days[place.first() : place.first() + PAGE_SIZE])
        pager = to_pager(place, shown=len(days), total=total, lang=lang)
        return UsageView(days=days, pager=pager, settling=stored.settling)

    def _show_today(self, outcome: Today | Problem, lang: Lang) -> None:
        if isinstance(outcome, Problem):
            self.today_phase, self.today_problem = "problem", outcome
        else:
            self.today_phase, self.today = "ready", outcome.view
            self._today, self._today_day = outcome.amount, outcome.day
        self._show_month(lang)

    def _show_month(self, lang: Lang) -> None:
        if self._month_since is None or self._day is None:
            return
        # What was measured before midnight belongs to a day that the stored ones do not know yet.
        today = self._today if self._today_day == self._day else None
        self.is_month_whole = today is not None
        total = self._month.plus(today) if today else self._month
        self.month = rows.to_month(total, self._month_since, self._day, lang)


_asked: dict[tuple[TenantId, Lang], asyncio.Task[Today | Problem]] = {}


async def shared_today(actor: Actor, lang: Lang) -> Today | Problem:
    """Measure today once for all tabs of a tenant that ask at the same time: a slow Prometheus gets no queue of us."""
    key = (own_tenant(actor), lang)
    if (asked := _asked.get(key)) is None:
        work = bridge.attempt(lang, partial(today_view, actor, lang), pool=ThreadPool.NETWORK)
        asked = _asked[key] = asyncio.ensure_future(work)
        asked.add_done_callback(lambda _: _asked.pop(key, None))
    # A tab that leaves must not take the answer away from the others.
    return await asyncio.shield(asked)


def stored_view(actor: Actor, lang: Lang) -> StoredView:
    """Read the closed days of the actor's own tenant."""
    now = clock.utc_now()
    today = clock.billing_day(now)
    last = today - timedelta(days=1)
    month_since = clock.jalali_month_start(today) if lang == "fa" else clock.gregorian_month_start(today)
    first = min(month_since, today - timedelta(days=CHART_DAYS))
    days = rows.by_day(usage.daily(actor, own_tenant(actor), first, last))
    invoiced = invoices.net_by_day(actor, own_tenant(actor), first, last)
    billed_from = tenants.get(actor, own_tenant(actor)).billed_from
    amounts = estimate_rules.amounts_of_days(days, invoiced, pricing.price_lists(actor), billed_from)
    free_until = {day: billed_from for day in days if day < billed_from and day not in invoiced}
    chart, series = rows.to_chart(days, last, CHART_DAYS, lang)
    columns, ticks = lay_out_chart(chart, series, lang)
    newest_first = sorted(days, reverse=True)[:CHART_DAYS]
    return StoredView(
        days=rows.with_months(
            {
                day: rows.to_day(day, days[day], amounts[day], lang, free_until=free_until.get(day))
                for day in newest_first
            },
            amounts,
            lang,
        ),
        columns=columns,
        ticks=ticks,
        series=series,
        month=estimate_rules.amount_since(amounts, month_since),
        month_since=month_since,
        day=today,
        read_at=now,
        settling=rows.settling(usage.unsettled_days(actor, own_tenant(actor), first, last), lang),
    )


def today_view(actor: Actor, lang: Lang) -> Today:
    """Measure the actor's own tenant from midnight to now."""
    measured = usage.today(actor, own_tenant(actor))
    prices = pricing_rules.price_list_on(pricing.price_lists(actor), measured.day)
    amount = estimate_rules.amount_of(measured.rows, prices)
    if measured.day < tenants.get(actor, own_tenant(actor)).billed_from:
        amount = Amount(tokens=amount.tokens)
    return Today(day=measured.day, view=rows.to_today(measured, amount, lang), amount=amount)
