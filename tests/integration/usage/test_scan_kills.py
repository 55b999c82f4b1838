"""A scan whose process is killed, wherever that happens: another one goes on, and finds what one alone would find."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from subprocess import Popen
from threading import Event
from urllib.parse import parse_qs

import httpx
import pytest
from sqlalchemy import text

from backend import clock
from backend.actor import Actor
from backend.clients.prometheus import Prometheus
from backend.config import usage_settings
from backend.db.engine import read, transaction
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import keep
from backend.usage import scan_repository, scan_service
from backend.usage.metering.coverage import Span
from backend.usage.metering.incarnations import milliseconds
from backend.usage.metering.source import Source
from backend.usage.scan_types import PartState
from backend.usage.scanning.asking import Scan, ScanPace
from backend.usage.scanning.types import Finding
from jobs import scan_day
from tests.conftest import forget_caches
from tests.integration.usage.nights import SECOND
from tests.integration.usage.stand_in import Reply, StandIn, passed_on, serving
from tests.waiting import until

NIGHT = Actor.process_named(scan_day.NAME)
BEGUN = clock.day_window(SECOND).end + timedelta(hours=1)
LATER = scan_service.CLAIM + timedelta(minutes=1)
WORLD = "in-turn"
PART_OF_B = r'tenant=~"(?s:.*[\\x{62}]'
SCAN = """
import sys
from datetime import datetime
from backend import clock
from backend.actor import Actor
from jobs import scan_day

now = datetime.fromisoformat(sys.argv[1])
clock.utc_now = lambda: now
scan_day.run(Actor.process_named(scan_day.NAME))
"""


@pytest.fixture
def server(database: str, nights_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Stands before Prometheus. Each tenant is a part of the scan."""
    with serving() as stand_in, httpx.Client(base_url=nights_url, timeout=30) as client:
        stand_in.answer = lambda path, fields: passed_on(client, path, fields)
        monkeypatch.setenv("PROMETHEUS_URL", stand_in.url)
        monkeypatch.setenv("USAGE_SELECTOR", f'scenario="{WORLD}"')
        monkeypatch.setenv("USAGE_SCAN_SERIES", "1")
        monkeypatch.setenv("USAGE_SCAN_SHARE", "1")
        forget_caches()
        yield stand_in


@contextmanager
def scanning(now: datetime) -> Iterator["Popen[bytes]"]:
    """A process that runs the job at an hour; it is dead on leaving."""
    with keep(Popen([sys.executable, "-c", SCAN, now.isoformat()], cwd=REPOSITORY)) as process:
        yield process
        process.kill()


def kill_at(server: StandIn, now: datetime, is_last: Callable[[str], bool]) -> None:
    """Let a process run the job at an hour, until it asks a question that it is killed for."""
    answer, started, killed = server.answer, Event(), Event()

    def killing(path: str, fields: str) -> Reply:
        if is_last("".join(parse_qs(fields).get("query", []))):
            started.wait()
            process.kill()
            killed.set()
        return answer(path, fields)

    server.answer = killing
    with scanning(now) as process:
        started.set()
        killed.wait(60)
    server.answer = answer


def kill_while_storing(now: datetime) -> None:
    """Let a process run the job at an hour, until it has marked a part as done and is about to store its findings."""
    with transaction() as connection:
        connection.execute(text("LOCK TABLE usage_scan_finding IN SHARE MODE"))
        with scanning(now):
            until(is_somebody_waiting)


def is_somebody_waiting() -> bool:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'usage_scan_finding'::regclass"
    with read() as connection:
        return bool(connection.scalar(text(waiting)))


def found_alone(url: str) -> list[Finding]:
    """What a scan finds that nobody disturbs."""
    given = usage_settings(prometheus_url=url, usage_selector=f'scenario="{WORLD}"')
    window = clock.day_window(SECOND)
    span = Span(milliseconds(window.start), milliseconds(window.end))
    with Prometheus(url, 30) as client:
        return Scan.of_window(Source(client=client, settings=given), span, ScanPace(1)).findings("")


def done() -> dict[int, datetime | None]:
    """The parts that are done, and when they were."""
    parts = scan_repository.parts_of(SECOND)
    return {part.part: part.finished_at for part in parts if part.state == PartState.DONE}


def test_a_scan_that_is_killed_again_and_again_loses_no_part_and_finds_nothing_twice(
    server: StandIn, nights_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = [BEGUN + number * LATER for number in range(4)]

    kill_at(server, hours[0], lambda query: query.startswith("openai_tokens_total{"))
    after_reading = done()
    kill_while_storing(hours[1])
    after_storing = done()
    kill_at(server, hours[2], lambda query: query.startswith("resets(") and PART_OF_B in query)
    after_one_part = done()
    monkeypatch.setattr(clock, "utc_now", lambda: hours[3])
    told = scan_day.run(NIGHT)

    assert (after_reading, after_storing, after_one_part) == ({}, {}, {0: hours[2]})
    assert told == f"{SECOND}: 3 parts, 1 findings"
    assert done() == {0: hours[2], 1: hours[3], 2: hours[3]}
    assert scan_repository.findings_of(SECOND) == found_alone(nights_url)
