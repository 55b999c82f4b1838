"""Several measuring servers that share the work: by pods, as a pair, and by environment; all answer, or none counts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from backend.clients.prometheus_servers import close_all, prometheus
from backend.clock import day_window
from backend.config import usage_settings
from backend.errors import Unavailable
from backend.sandbox.processes import free_port
from backend.usage.metering import meter
from backend.usage.metering.source import Source
from backend.usage.types import NOTHING_STORED, DayMeasurement, UsageFlag
from tests.integration.usage.conftest import build_blocks, serve
from tests.integration.usage.nights import BEGIN, END, NOON, A, B, pod
from tests.integration.usage.nights import SECOND as DAY
from tests.integration.usage.test_scenarios import tokens_of, without_zeros
from tests.integration.usage.world import HOUR, Key, Process, Scraper, World

WINDOW = day_window(DAY)
FIRST, LAST = WINDOW.start.timestamp(), WINDOW.end.timestamp()
LOOKBACK_S = 4 * HOUR
ONE, OTHER = Scraper(300), Scraper(300, 139, gaps=[(NOON - HOUR, NOON + HOUR)])


def alone(number: int) -> Process:
    """A process that one server watches."""
    return pod(f"10.0.0.{number}:8000", first_used={A: BEGIN, B: NOON})


TWICE = pod("10.0.0.50:8000")
HANDED_OVER = pod("10.0.0.51:8000")
ADDRESS_OF_TWO = "10.0.0.60:8000"
HERE, THERE = pod(ADDRESS_OF_TWO), pod(ADDRESS_OF_TWO, BEGIN + HOUR)
LEFT = [
    World("sharding", [alone(1), alone(2), TWICE], [ONE]),
    World("handed-over", [HANDED_OVER], [Scraper(300, ends=NOON)]),
    World("environments", [HERE], [ONE]),
]
RIGHT = [
    World("sharding", [alone(3), TWICE], [OTHER]),
    World("handed-over", [HANDED_OVER], [Scraper(300, 139, begins=NOON - 10 * 60)]),
    World("environments", [THERE], [ONE]),
]
PROOFS: dict[str, Sequence[World]] = {
    "sharding": [
        World("", [alone(1), alone(2)], [ONE]),
        World("", [alone(3)], [OTHER]),
        World("", [TWICE], [ONE, OTHER]),
    ],
    "handed-over": [World("", [HANDED_OVER], [LEFT[1].scrapers[0], RIGHT[1].scrapers[0]])],
    "environments": [World("", [HERE], [ONE]), World("", [THERE], [ONE])],
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The addresses of two servers, as the setting names them."""
    children, urls = [], []
    for name, worlds in (("left", LEFT), ("right", RIGHT)):
        folder = tmp_path_factory.mktemp(name)
        build_blocks(worlds, folder)
        child, url = serve(folder)
        children.append(child)
        urls.append(url)
    yield ",".join(urls)
    close_all()
    for child in children:
        child.stop()


def measured(urls: str, scenario: str) -> DayMeasurement:
    given = usage_settings(prometheus_url=urls, usage_selector=f'scenario="{scenario}"')
    return meter.measure(
        Source(client=prometheus(given, 20), settings=given),
        DAY,
        WINDOW,
        now=datetime.fromtimestamp(END, UTC),
        stored=lambda: NOTHING_STORED,
    )


def proven(scenario: str) -> dict[Key, int]:
    tokens: Counter[Key] = Counter()
    for world in PROOFS[scenario]:
        tokens.update(world.proven(FIRST, LAST, history_from=FIRST - LOOKBACK_S))
    return without_zeros(tokens)


@pytest.mark.parametrize("scenario", PROOFS)
def test_what_servers_share_is_counted_once_and_completely(scenario: str, servers: str) -> None:
    assert tokens_of(measured(servers, scenario)) == proven(scenario)


def test_a_pair_is_said_to_watch_the_same(servers: str) -> None:
    rows = measured(servers, "sharding").rows

    assert all(UsageFlag.DUPLICATE_SCRAPE in row.flags for row in rows if row.tenant == A[0])
    assert not any(row.held for row in rows)


def test_a_day_is_not_measured_while_one_server_is_away(servers: str) -> None:
    dead = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(Unavailable) as failure:
        measured(f"{servers},{dead}", "sharding")

    assert failure.value.data["server"] == dead.removeprefix("http://")


def test_the_order_of_the_servers_changes_nothing(servers: str) -> None:
    turned = ",".join(reversed(servers.split(",")))

    assert measured(turned, "sharding").rows == measured(servers, "sharding").rows
