"""A real Prometheus with a fortnight of known usage, and a database whose tenants used it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from backend import clock
from backend.clock import day_window
from backend.invoices.run_service import SETTLING
from backend.tenants.types import Tenant
from tests import factories
from tests.conftest import forget_caches
from tests.integration.invoices.bills import BILLED_FROM, LookAt
from tests.integration.usage.nights import A, B
from tests.past import PastPrometheus, Sample, counter, every, process, write_blocks

DAYS = 13
STEP_S = 300
INSTANCE = "docuchat-1"
COLD_INSTANCE = "docuchat-cold"
# Tokens a minute: odd figures, so that each day ends within a rial.
RATES = {
    ("alpha", "prompt"): 7,
    ("alpha", "completion"): 3,
    ("beta", "prompt"): 11,
    ("ghost", "prompt"): 5,
    ("idle", "prompt"): 0,
}
COLD_RATE = 13


def last_closed_day() -> date:
    """The newest day that can be billed: yesterday, as soon as its last scrapes have had time to arrive."""
    return clock.billing_day(clock.utc_now() - SETTLING) - timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was used, known because we made it up."""

    prometheus: PastPrometheus
    first_day: date
    cold_day: date

    @property
    def yesterday(self) -> date:
        return last_closed_day()

    @property
    def day_before_yesterday(self) -> date:
        return self.yesterday - timedelta(days=1)

    def tokens(self, label: str, day: date, kind: str | None = None) -> int:
        """Tokens of a label on a day, by the last scrapes at or before its midnights."""
        return sum(
            self._value(rate, day_window(day).end) - self._value(rate, day_window(day).start)
            for (tenant, each), rate in RATES.items()
            if tenant == label and kind in {None, each}
        )

    def _value(self, rate: int, at: datetime) -> int:
        born = day_window(self.first_day).start.timestamp()
        return value_at(rate, born, max(born, at.timestamp() // STEP_S * STEP_S))


def value_at(rate: int, born: float, at: float) -> int:
    """A counter that grows evenly from the birth of its process on."""
    return int((at - born) // 60) * rate


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """A fortnight of counters; a process older than its first scrape appears on the cold day."""
    today = last_closed_day() + timedelta(days=1)
    first_day, cold_day = today - timedelta(days=DAYS), today - timedelta(days=4)
    server = PastPrometheus(tmp_path_factory.mktemp("prometheus"))
    # Longer than until now: midnight may come while the tests run, and closes one more day.
    write_past(server.data_dir, first_day, day_window(today).end + timedelta(minutes=15), cold_day)
    try:
        server.start()
        yield Past(prometheus=server, first_day=first_day, cold_day=cold_day)
    finally:
        server.stop()


def write_past(data_dir: Path, first_day: date, end: datetime, cold_day: date | None = None) -> None:
    """Processes that are born in sight at the first day's midnight, with the rates above, until the end."""
    born = day_window(first_day).start
    times = every(STEP_S, born + timedelta(seconds=STEP_S), end)
    counters = [
        counter(tenant, kind, INSTANCE, grown(rate, born, times)) for (tenant, kind), rate in RATES.items()
    ]
    processes = [process(INSTANCE, born.timestamp(), times)]
    if cold_day is not None:
        seen = every(STEP_S, day_window(cold_day).start + timedelta(hours=10), end)
        old = born - timedelta(days=30)
        counters.append(counter("cold", "prompt", COLD_INSTANCE, grown(COLD_RATE, old, seen)))
        processes.append(process(COLD_INSTANCE, old.timestamp(), seen))
    write_blocks(data_dir, counters, processes, block="54h")


def grown(rate: int, born: datetime, times: list[float]) -> list[Sample]:
    """The samples of a counter that grows evenly."""
    return [(at, value_at(rate, born.timestamp(), at)) for at in times]


@pytest.fixture
def measured(database: str, past: Past, monkeypatch: pytest.MonkeyPatch) -> Past:
    """A clean database, and settings that point to the past."""
    monkeypatch.setenv("PROMETHEUS_URL", past.prometheus.url)
    forget_caches()
    return past


@pytest.fixture
def look_at(database: str, nights_url: str, monkeypatch: pytest.MonkeyPatch) -> LookAt:
    """Point the settings to one world."""

    def point(world: str, **settings: str) -> None:
        monkeypatch.setenv("PROMETHEUS_URL", nights_url)
        monkeypatch.setenv("USAGE_SELECTOR", f'scenario="{world}"')
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        forget_caches()

    return point


@pytest.fixture
def tenant_a(database: str) -> Tenant:
    return factories.tenant(A[0], billed_from=BILLED_FROM)


@pytest.fixture
def tenant_b(database: str) -> Tenant:
    return factories.tenant(B[0], billed_from=BILLED_FROM)
