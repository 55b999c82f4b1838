"""A storm of alerts: a real Alertmanager shows a thousand, the job stores them, and the page shows them.

What counts is whether history is whole afterwards: each alert fired once, ended once, and nothing was unobserved.
"""

import argparse
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
from reflex_base.utils.format import json_dumps

from backend.actor import Actor, Role
from backend.alerts import report_repository, rules
from backend.alerts import service as alerts
from backend.alerts.types import HistoryQuery, Resolution
from backend.db.migrate import upgrade
from backend.i18n.catalog import LANGUAGES
from backend.sandbox import tools
from backend.sandbox.alertmanager import AlertmanagerServer
from backend.sandbox.postgres import PostgresServer, data_home
from backend.sandbox.processes import delete_at_end
from portal import routes
from portal.features.alerts.state import alerts_view
from portal.place import Place
from tests import factories
from tests.bench import storm_pages
from tests.bench.figures import Figures, say, say_table
from tests.conftest import forget_caches

STORM = 1_000
SERVICES = 8
JOB = Actor.process_named("bench")
READER = factories.actor(Role.OPERATOR)


def measure(asked: argparse.Namespace) -> Figures:
    """The storm from its first alert to its last, and the page while all of them fire."""
    say(f"\nAlerts: a storm of {STORM}, {asked.rounds} rounds, the median counts")
    with _ground() as manager:
        begun = datetime.now(UTC) - timedelta(minutes=3)
        _post(manager, begun, until=datetime.now(UTC) + timedelta(minutes=30))
        stored = _timed(lambda: alerts.reconcile(JOB))
        again = _median(lambda: alerts.reconcile(JOB), asked.rounds)
        first_page = statistics.median(_first_page() for _ in range(asked.rounds))
        pages = {lang: _median(lambda lang=lang: _page(lang), asked.rounds) for lang in LANGUAGES}
        groups = len(alerts_view(READER, Place(path=routes.ALERTS), "fa").groups)
        browser = storm_pages.in_browser(asked.rounds, groups)
        size = len(json_dumps(alerts_view(READER, Place(path=routes.ALERTS), "fa")))
        _post(manager, begun, until=datetime.now(UTC))
        ended = _timed(lambda: alerts.reconcile(JOB))
        whole = _is_whole()
    figure = {
        "alerts": STORM,
        "reconcile_first_ms": stored,
        "reconcile_again_ms": again,
        "reconcile_ended_ms": ended,
        "page_after_change_ms": first_page,
        "page_fa_ms": pages["fa"],
        "page_en_ms": pages["en"],
        "page_kb": round(size / 1024, 1),
        "history_is_whole": whole,
    }
    say_table([{name.replace("_", " "): value for name, value in figure.items()}])
    say("The page in a real browser")
    say_table([{name.replace("_", " "): value for name, value in browser["alerts_storm_browser"].items()}])
    assert whole, "history has a gap"
    return {"alerts_storm": figure, **browser}


def _is_whole() -> bool:
    """Whether each alert has one firing that ended as it should, both events, and no time was unobserved."""
    query, found = HistoryQuery(), []
    while len(page := alerts.history(READER, query, limit=100, offset=len(found)).rows) > 0:
        found += [past.firing for past in page]
    events = [[event.kind for event in report_repository.events(firing.id, 10)] for firing in found]
    return (
        len({firing.fingerprint for firing in found}) == len(found) == STORM
        and all(firing.resolution == Resolution.CONDITION for firing in found)
        and all(kinds == ["resolved", "fired"] for kinds in events)
        and alerts.gaps(READER) == []
    )


def _page(lang: Any) -> None:
    """All that the server does for the page: read, group, word, format, and write it for the wire."""
    json_dumps(alerts_view(READER, Place(path=routes.ALERTS), lang))


def _first_page() -> float:
    """The page after something was stored: what readers share is read anew."""
    alerts.reconcile(JOB)
    return _timed(lambda: _page("fa"))


def _timed(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return round((perf_counter() - began) * 1000, 1)


def _median(work: Callable[[], object], rounds: int) -> float:
    return round(statistics.median(_timed(work) for _ in range(rounds)), 1)


def _post(manager: AlertmanagerServer, begun: datetime, *, until: datetime) -> None:
    sent = [
        {
            "labels": {
                "alertname": ("HighErrorRate", "HighLatency", "TargetDown")[number % 3],
                "severity": ("critical", "warning")[number % 2],
                "service": f"service-{number % SERVICES}",
                "instance": f"10.0.{number // 250}.{number % 250}:8000",
                "pod": f"api-{number:04}",
            },
            "annotations": {"summary": "s" * 120, "description": "d" * 200},
            "startsAt": (begun + timedelta(seconds=number % 90)).isoformat(),
            "endsAt": until.isoformat(),
        }
        for number in range(STORM)
    ]
    httpx.post(f"{manager.url}/api/v2/alerts", json=sent, timeout=60).raise_for_status()


@contextmanager
def _ground() -> Iterator[AlertmanagerServer]:
    """A durable database and an Alertmanager that the settings point to."""
    folder = data_home() / f"bench-alerts-{os.getpid()}"
    folder.mkdir(parents=True)
    delete_at_end(folder)
    server = PostgresServer(folder / "data")
    settled = rules.SETTLING
    with tempfile.TemporaryDirectory(prefix="alerts-bench-") as name:
        manager = AlertmanagerServer(tools.monitoring().alertmanager, Path(name))
        try:
            server.start()
            server.create_database("bench")
            upgrade(server.url("bench"))
            manager.start()
            os.environ["DATABASE_URL"] = server.url("bench")
            os.environ["ALERTMANAGER_URLS"] = manager.url
            # It has just started and is believed all the same.
            rules.SETTLING = timedelta(0)
            forget_caches()
            yield manager
        finally:
            rules.SETTLING = settled
            forget_caches()
            manager.stop()
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)
