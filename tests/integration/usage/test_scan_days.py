"""The scan of a day goes on where it stopped, does nothing twice, and says what it could not look at."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs

import httpx
import orjson
import pytest

from backend import clock
from backend.actor import Actor, Role
from backend.errors import Forbidden, Invalid
from backend.usage import scan_repository, scan_service, service
from backend.usage.scan_types import DayScan, PartState
from backend.usage.scanning import asking
from jobs import scan_day
from jobs.runs import JobError
from tests import factories
from tests.conftest import forget_caches
from tests.integration.usage.nights import SECOND, THIRD
from tests.integration.usage.stand_in import Reply, StandIn, serving

NIGHT = Actor.process_named("scan_day")
END_OF_DAY = clock.day_window(SECOND).end
LookAt = Callable[..., None]
FIRST_PART = 0


@pytest.fixture
def look_at(database: str, nights_url: str, monkeypatch: pytest.MonkeyPatch) -> LookAt:
    """Points the settings to a world, in which each tenant is a part of its own."""

    def point(world: str, url: str = nights_url) -> None:
        monkeypatch.setenv("PROMETHEUS_URL", url)
        monkeypatch.setenv("USAGE_SELECTOR", f'scenario="{world}"')
        monkeypatch.setenv("USAGE_SCAN_SERIES", "1")
        monkeypatch.setenv("USAGE_SCAN_SHARE", "1")
        forget_caches()

    return point


@pytest.fixture
def refusing(nights_url: str) -> Iterator[StandIn]:
    """Stands before Prometheus, and refuses what asks for the tenants of one part."""
    with serving() as server, httpx.Client(base_url=nights_url, timeout=30) as client:

        def forward(path: str, body: str) -> Reply:
            query = "".join(parse_qs(body).get("query", []))
            if 'tenant=~"' in query and "x{61}" in query:
                return 422, orjson.dumps({"status": "error", "error": "would load too many samples"})
            told = (
                client.post(path, content=body, headers={"content-type": "application/x-www-form-urlencoded"})
                if body
                else client.get(path)
            )
            return told.status_code, told.content

        server.answer = forward
        yield server


def at(monkeypatch: pytest.MonkeyPatch, after_the_end: timedelta) -> None:
    """Set the clock."""
    monkeypatch.setattr(clock, "utc_now", lambda: END_OF_DAY + after_the_end)


def test_each_tenant_is_looked_at_once(look_at: LookAt, monkeypatch: pytest.MonkeyPatch) -> None:
    look_at("in-turn")

    began = time.monotonic()
    first = scan_service.scan_day(NIGHT, SECOND)
    took_s = time.monotonic() - began
    finished = [part.finished_at for part in scan_repository.parts_of(SECOND)]
    monkeypatch.setattr(scan_service, "plan", None)  # what is planned is not planned again
    again = scan_service.scan_day(NIGHT, SECOND)

    assert (first.parts, first.done, first.findings, first.series) == (3, 3, 1, 2)
    assert 0 < first.duration_s < took_s
    assert again == first
    assert [part.finished_at for part in scan_repository.parts_of(SECOND)] == finished


def test_a_quiet_day_has_no_finding(look_at: LookAt) -> None:
    look_at("steady")

    assert scan_service.scan_day(NIGHT, SECOND).is_whole
    told = scan_service.findings(NIGHT, SECOND)
    assert (list(told.findings), list(told.unscanned), told.is_scanned) == ([], [], True)


def test_a_day_that_nobody_looked_at_is_told_so(look_at: LookAt) -> None:
    assert not scan_service.findings(NIGHT, SECOND).is_scanned
    assert scan_service.progress(NIGHT, SECOND).parts == 0


def test_what_a_dead_process_looked_at_is_left_for_a_while_unless_somebody_is_in_a_hurry(
    look_at: LookAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at("in-turn")
    at(monkeypatch, timedelta(hours=1))
    scan_service.scan_day(NIGHT, SECOND, for_s=-1)
    assert scan_repository.claim(SECOND, FIRST_PART, clock.utc_now(), clock.utc_now())

    patient = scan_service.scan_day(NIGHT, SECOND)
    hurried = scan_service.scan_day(NIGHT, SECOND, is_hurried=True)

    assert (patient.done, patient.waiting) == (2, 1)
    assert hurried.is_whole


def test_a_claim_of_a_dead_process_ends(look_at: LookAt, monkeypatch: pytest.MonkeyPatch) -> None:
    look_at("in-turn")
    at(monkeypatch, timedelta(hours=1))
    scan_service.scan_day(NIGHT, SECOND, for_s=-1)
    assert scan_repository.claim(SECOND, FIRST_PART, clock.utc_now(), clock.utc_now())
    at(monkeypatch, timedelta(hours=1, minutes=16))

    assert scan_service.scan_day(NIGHT, SECOND).is_whole


def test_two_at_once_find_everything_once(look_at: LookAt) -> None:
    look_at("in-turn")

    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda hurried: scan_service.scan_day(NIGHT, SECOND, is_hurried=hurried), (True, True)))

    assert scan_service.progress(NIGHT, SECOND).is_whole
    assert len(scan_service.findings(NIGHT, SECOND).findings) == 1


def test_a_part_that_is_refused_is_unscanned_and_the_others_are_looked_at(
    look_at: LookAt, refusing: StandIn
) -> None:
    look_at("in-turn", refusing.url)

    scan = scan_service.scan_day(NIGHT, SECOND)

    told = scan_service.findings(NIGHT, SECOND)
    failed = [part for part in scan_repository.parts_of(SECOND) if part.state == PartState.FAILED]
    assert (scan.done, scan.failed, told.is_scanned) == (2, 1, False)
    assert list(told.unscanned) == [failed[0].matcher]
    assert failed[0].reason.startswith("unavailable")


def test_a_part_that_was_refused_is_looked_at_when_it_is_answered(look_at: LookAt, refusing: StandIn) -> None:
    look_at("in-turn", refusing.url)
    scan_service.scan_day(NIGHT, SECOND)
    look_at("in-turn")

    assert scan_service.scan_day(NIGHT, SECOND).failed == 1
    assert scan_service.scan_day(NIGHT, SECOND, is_hurried=True).is_whole
    assert len(scan_service.findings(NIGHT, SECOND).findings) == 1


def test_a_part_for_which_the_time_runs_out_is_given_back(
    look_at: LookAt, nights_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = iter(range(10_000))
    slow = SimpleNamespace(monotonic=lambda: 3600.0 * next(hours), sleep=lambda _: None)
    look_at("in-turn")
    with monkeypatch.context() as patched:
        patched.setattr(asking, "time", slow)
        patched.setattr(scan_service, "time", slow)
        late = scan_service.scan_day(NIGHT, SECOND, is_hurried=True, for_s=20 * 3600)

    assert (late.done, late.waiting, late.failed) == (0, 3, 0)
    assert scan_service.scan_day(NIGHT, SECOND).is_whole


def test_the_job_goes_back_to_an_older_day_that_was_billed_before_it_was_looked_at(
    look_at: LookAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at("in-turn")
    scan_service.scan_day(NIGHT, SECOND, is_hurried=True, for_s=0)
    measured = service.measure_day(NIGHT, SECOND)
    service.store_day(NIGHT, measured)
    at(monkeypatch, timedelta(days=1, hours=1))

    assert not measured.is_scanned
    assert scan_day.run(NIGHT).startswith(f"{THIRD}:")
    assert scan_day.run(NIGHT) == f"{SECOND}: 3 parts, 1 findings"
    assert scan_day.run(NIGHT) == ""


def test_the_job_begins_twenty_minutes_after_midnight_and_tells_once(
    look_at: LookAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at("in-turn")
    at(monkeypatch, timedelta(minutes=19))
    early = scan_day.run(NIGHT)
    at(monkeypatch, timedelta(minutes=20))

    assert (early, scan_day.run(NIGHT), scan_day.run(NIGHT)) == ("", f"{SECOND}: 3 parts, 1 findings", "")


def test_the_job_fails_where_a_part_does_and_tries_again_later(
    look_at: LookAt, refusing: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at("in-turn", refusing.url)
    at(monkeypatch, timedelta(minutes=20))
    with pytest.raises(JobError, match=r"2 parts, \d findings, 1 failed"):
        scan_day.run(NIGHT)
    look_at("in-turn")

    soon = scan_day.run(NIGHT)
    at(monkeypatch, timedelta(minutes=40))

    assert (soon, scan_day.run(NIGHT)) == (None, f"{SECOND}: 3 parts, 1 findings")


def test_a_day_is_overdue_at_six_in_the_morning(look_at: LookAt, monkeypatch: pytest.MonkeyPatch) -> None:
    look_at("in-turn")
    at(monkeypatch, timedelta(hours=5, minutes=59))
    early = service.scan_health(NIGHT).overdue_days
    at(monkeypatch, timedelta(hours=6))
    late = service.scan_health(NIGHT).overdue_days

    scan_service.scan_day(NIGHT, SECOND)

    told = service.scan_health(NIGHT)
    assert (early, late, told.overdue_days) == (0, 1, 0)
    assert isinstance(told.last, DayScan)
    assert (told.last.day, told.last.findings, told.last_finished_at) == (SECOND, 1, clock.utc_now())


def test_scans_are_forgotten_with_the_readings(look_at: LookAt) -> None:
    look_at("in-turn")
    scan_service.scan_day(NIGHT, SECOND)

    service.drop_old_readings(NIGHT, clock.day_window(SECOND).end + timedelta(days=300))
    kept = scan_service.progress(NIGHT, SECOND).parts
    service.drop_old_readings(NIGHT, clock.day_window(SECOND).end + timedelta(days=500))

    assert (kept, scan_service.progress(NIGHT, SECOND).parts) == (3, 0)
    assert scan_repository.findings_of(SECOND) == []


def test_a_day_that_has_not_ended_is_refused(look_at: LookAt, monkeypatch: pytest.MonkeyPatch) -> None:
    look_at("in-turn")
    at(monkeypatch, timedelta(hours=1))

    with pytest.raises(Invalid) as refused:
        scan_service.scan_day(NIGHT, THIRD)

    assert refused.value.data == {"field": "day", "reason": "day_is_open"}


def test_a_company_neither_scans_nor_reads_findings(database: str) -> None:
    tenant = factories.tenant("ava")
    reader = factories.actor(Role.TENANT_ADMIN, tenant.id)

    for ask in (scan_service.scan_day, scan_service.findings, scan_service.progress):
        with pytest.raises(Forbidden):
            ask(reader, SECOND)
