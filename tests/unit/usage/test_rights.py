"""Who may ask what of usage: refused before anything is read."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import cast
from uuid import UUID

import pytest

from backend.actor import Actor, Role, TenantId
from backend.config import UsageSettings
from backend.errors import Forbidden, NotFound
from backend.usage import scan_service, service
from backend.usage.types import DayMeasurement, FallFigure

DAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINE, OTHER = (TenantId(UUID(int=number)) for number in (1, 2))
COMPANY = Actor(name="reader", role=Role.TENANT_ADMIN, tenant_id=MINE)
AUDITOR = Actor(name="auditor", role=Role.AUDITOR)
NO_SETTINGS, NO_DAY = cast("UsageSettings", None), cast("DayMeasurement", None)


@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: service.measure_day(actor, DAY),
        lambda actor: service.measure_elsewhere(actor, NO_SETTINGS, DAY),
        service.meter_continuity,
        lambda actor: service.rows_of_day(actor, DAY),
        lambda actor: service.window_of(actor, DAY),
        lambda actor: service.measured_days(actor, DAY, DAY),
        lambda actor: service.unknown_labels(actor, DAY, DAY),
        lambda actor: scan_service.findings(actor, DAY),
        lambda actor: scan_service.progress(actor, DAY),
        lambda actor: service.settle_falls(actor, MINE, DAY, FallFigure.LEAST),
    ],
)
def test_a_company_asks_nothing_of_everybody(ask: Callable[[Actor], object]) -> None:
    with pytest.raises(Forbidden):
        ask(COMPANY)


@pytest.mark.parametrize("actor", [COMPANY, AUDITOR])
@pytest.mark.parametrize(
    "ask",
    [
        lambda actor: service.store_day(actor, NO_DAY),
        lambda actor: service.prepare_months(actor, NOW),
        lambda actor: service.drop_old_readings(actor, NOW),
        lambda actor: scan_service.scan_day(actor, DAY),
        lambda actor: scan_service.scan_due_day(actor, for_s=1),
        lambda actor: scan_service.reopen_missed(actor, NO_DAY),
        scan_service.health,
    ],
)
def test_what_writes_days_and_scans_is_for_processes(ask: Callable[[Actor], object], actor: Actor) -> None:
    with pytest.raises(Forbidden):
        ask(actor)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: service.today(COMPANY, OTHER),
        lambda: service.daily(COMPANY, OTHER, DAY, DAY),
        lambda: service.unsettled_days(COMPANY, OTHER, DAY, DAY),
        lambda: service.readings(COMPANY, OTHER, DAY),
        lambda: service.falls(COMPANY, OTHER, DAY),
    ],
)
def test_a_company_asks_nothing_of_another_one(ask: Callable[[], object]) -> None:
    with pytest.raises(NotFound):
        ask()


def test_only_operators_choose_a_figure() -> None:
    with pytest.raises(Forbidden):
        service.settle_falls(AUDITOR, MINE, DAY, FallFigure.MOST)
