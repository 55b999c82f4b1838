"""The usage page when a day ends: what a tab shows that was opened before, and one that is opened right after."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text as sql

from backend import clock
from backend.actor import Actor, Role
from backend.clock import day_window
from backend.db.engine import transaction
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from backend.money import Rial
from backend.usage import service as usage
from portal.features.usage import state
from tests.conftest import forget_caches
from tests.integration.invoices.conftest import RATES, write_past
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, own_handlers
from tests.past import PastPrometheus

NIGHT = Actor.process_named("nightly_billing")
FIRST_DAY = date(2026, 11, 18)
LAST_OF_ABAN, FIRST_OF_AZAR = date(2026, 11, 21), date(2026, 11, 22)
DAY = timedelta(days=1)
A_DAYS_TOKENS = 24 * 60 * sum(rate for (label, _), rate in RATES.items() if label == "alpha")


class Clock:
    """The hand that moves the present time."""

    now = datetime(2026, 11, 21, tzinfo=UTC)

    def set(self, day: date, hour: int, minute: int) -> None:
        self.now = day_window(day).start + timedelta(hours=hour, minutes=minute)


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Clock:
    hand = Clock()
    monkeypatch.setattr(clock, "utc_now", lambda: hand.now)
    return hand


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastPrometheus]:
    """Usage at an even rate, from before the first day to the end of the first of Azar."""
    server = PastPrometheus(tmp_path_factory.mktemp("midnight"))
    write_past(server.data_dir, FIRST_DAY - DAY, day_window(FIRST_OF_AZAR + DAY).start)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def alpha(house: House, prometheus: PastPrometheus, monkeypatch: pytest.MonkeyPatch) -> House:
    """Its admin looks at usage; nothing is stored yet."""
    monkeypatch.setenv("PROMETHEUS_URL", prometheus.url)
    monkeypatch.setattr(state, "REFRESH_S", 0.05)
    forget_caches()
    return house


def close(day: date) -> None:
    """What the nightly run does to usage."""
    assert usage.store_day(NIGHT, usage.measure_day(NIGHT, day))


def handler(name: str) -> str:
    return next(each for each in own_handlers() if each.endswith(f"usage_state.{name}"))


def latest(told: list[Delta], name: str) -> Any:
    """What the tab shows of a var by now, or of a part of it: ``view.days``."""
    var, _, part = name.partition(".")
    for delta in reversed(told):
        for changes in delta.values():
            if f"{var}_rx_state_" in changes:
                shown = changes[f"{var}_rx_state_"]
                return getattr(shown, part) if part else shown
    return None


async def soon(is_so: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if is_so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not so within 20 s")


async def watching(
    tab: Tab, house: House, lang: Lang, told: list[Delta], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Any]:
    """A tab that was just opened and goes on asking; what it gives back closes it."""
    from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

    sockets = {"tab": "none"}
    monkeypatch.setattr(app, "_event_namespace", SimpleNamespace(token_to_sid=sockets))
    cookie = house.people[Role.TENANT_ADMIN].cookie.replace("lang=en", f"lang={lang}")
    await tab.open(cookie=cookie)
    await tab.send(handler("load"), cookie=cookie, path="/usage", told=told)
    asking = asyncio.ensure_future(tab.send(handler("follow"), cookie=cookie, path="/usage", told=told))
    await soon(lambda: latest(told, "today_phase") == "ready")

    async def leave() -> None:
        sockets.clear()
        await asking

    return leave


@pytest.mark.parametrize(
    ("lang", "ended", "month_since"),
    [
        pytest.param("fa", LAST_OF_ABAN, FIRST_OF_AZAR, id="a Jalali month ends"),
        pytest.param("fa", LAST_OF_ABAN - DAY, FIRST_DAY, id="a day within a Jalali month ends"),
        pytest.param("en", LAST_OF_ABAN, FIRST_DAY, id="a day within a Gregorian month ends"),
    ],
)
def test_a_tab_that_is_open_over_midnight_goes_on_with_the_new_day(
    alpha: House,
    pipeline: Pipeline,
    hand: Clock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    lang: Lang,
    ended: date,
    month_since: date,
) -> None:
    hand.set(ended, 23, 50)
    for n in range((ended - FIRST_DAY).days):
        close(FIRST_DAY + n * DAY)
    seen: list[dict[str, Any]] = []

    async def steps(tab: Tab) -> None:
        told: list[Delta] = []
        leave = await watching(tab, alpha, lang, told, monkeypatch)

        def look() -> None:
            seen.append({name: latest(told, name) for name in ("month", "view.settling", "view.days")})

        look()
        hand.set(ended + DAY, 0, 10)
        await soon(lambda: bool(latest(told, "view.settling")))
        look()
        hand.set(ended + DAY, 3, 10)
        close(ended)
        await soon(lambda: latest(told, "view.settling") == "")
        look()
        await leave()

    pipeline.run(steps)
    before, after, closed = seen

    assert not before["view.settling"]
    assert before["month"].name == fmt.month(ended, lang)
    # Ten minutes of the new day; the ended one is missing and the page says so.
    whole_days = max(0, (ended - month_since).days)
    assert after["month"].name == fmt.month(ended + DAY, lang)
    assert after["month"].tokens == fmt.number(whole_days * A_DAYS_TOKENS + 100, lang)
    assert after["view.settling"] == text("page.usage.settling_day", lang, day=fmt.day(ended, lang))
    # The night has come: whole days and three hours and ten minutes.
    whole_days += ended >= month_since
    assert closed["month"].tokens == fmt.number(whole_days * A_DAYS_TOKENS + 1900, lang)
    assert closed["view.days"][0].day == fmt.day(ended, lang)


def test_a_page_that_is_opened_before_the_night_names_the_days_that_are_missing(
    alpha: House, pipeline: Pipeline, hand: Clock
) -> None:
    hand.set(LAST_OF_ABAN, 12, 0)
    close(FIRST_DAY)
    close(FIRST_DAY + DAY)
    hand.set(FIRST_OF_AZAR, 0, 10)
    cookie = alpha.people[Role.TENANT_VIEWER].cookie

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie)
        return await tab.send(handler("load"), cookie=cookie, path="/usage")

    told = pipeline.run(steps)

    days = f"{fmt.day(LAST_OF_ABAN - DAY, 'en')}, {fmt.day(LAST_OF_ABAN, 'en')}"
    assert latest(told, "view.settling") == text("page.usage.settling_days", "en", days=days)


def test_no_day_is_missing_before_anything_was_measured_or_billed(
    alpha: House, pipeline: Pipeline, hand: Clock
) -> None:
    hand.set(FIRST_OF_AZAR, 0, 10)
    cookie = alpha.people[Role.TENANT_VIEWER].cookie

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie)
        return await tab.send(handler("load"), cookie=cookie, path="/usage")

    told = pipeline.run(steps)

    assert latest(told, "phase") == "ready"
    assert not latest(told, "view.settling")


def test_a_day_before_billing_began_is_in_no_cost_and_says_so(alpha: House, hand: Clock) -> None:
    hand.set(FIRST_DAY + 2 * DAY, 12, 0)
    for day in (FIRST_DAY, FIRST_DAY + DAY):
        close(day)
    with transaction() as connection:
        connection.execute(
            sql("UPDATE tenant SET billed_from = :day WHERE label = 'alpha'"), {"day": FIRST_DAY + DAY}
        )

    seen = state.stored_view(alpha.people[Role.TENANT_ADMIN].actor, "en")

    later, earlier = seen.days
    nothing = fmt.toman_bare(Rial(0), "en")
    assert (later.flags, earlier.cost) == ([], nothing)
    assert [flag.name for flag in earlier.flags] == ["Not billed"]
    assert fmt.toman_bare(seen.month.rial, "en") == later.cost != nothing
