"""What the overview tells of several measuring servers, each a stand-in on a port."""

from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
import pytest

from backend.overview import measuring
from backend.overview.types import Facts, Fullness, SourceReading
from portal.features.overview import tiles
from tests.conftest import forget_caches
from tests.integration.usage.stand_in import Answering, StandIn, serving, stand_in

__all__ = ["stand_in"]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def telling(**figures: float) -> Answering:
    """Answers of a server by a word in the query; nothing was measured of the rest."""

    def answer(_path: str, body: str) -> tuple[int, bytes]:
        found = [{"metric": {}, "value": [1, str(value)]} for word, value in figures.items() if word in body]
        kind = "matrix" if "1h" in body else "vector"
        return 200, orjson.dumps({"status": "success", "data": {"resultType": kind, "result": found}})

    return answer


@pytest.fixture
def pair(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ...]]:
    """The names of two servers: one tells the slower answers, the other the fuller volume."""
    stand_in.answer = telling(histogram_quantile=2.5, kubelet_volume=0.4, process_open_fds=0.1)
    with serving() as other:
        other.answer = telling(histogram_quantile=0.2, kubelet_volume=0.97)
        monkeypatch.setenv("DATABASE_URL", "postgresql://u@127.0.0.1:9/x")
        monkeypatch.setenv("PROMETHEUS_URL", f"{stand_in.url},{other.url}")
        forget_caches()
        yield tuple(each.url.removeprefix("http://") for each in (stand_in, other))
    forget_caches()


def test_the_slowest_and_the_fullest_are_told_with_the_server_that_tells_them(pair: tuple[str, ...]) -> None:
    found = measuring.measure(NOW)

    assert (found.p95_s, found.p95_server) == (2.5, pair[0])
    assert set(found.fullness) == {
        Fullness(name="volume", share=0.97, server=pair[1]),
        Fullness(name="open_files", share=0.1, server=pair[0]),
    }
    facts = Facts(measures=SourceReading(value=found, read_at=NOW))
    english, persian = (
        {tile.key: tile.remark for tile in tiles.signals(facts, lang)} for lang in ("en", "fa")
    )
    assert english["p95"] == f"By {pair[0]}; no other measuring server tells more"
    assert english["fullness"] == f"Space on a volume, by {pair[1]}"
    assert pair[0] in persian["p95"]
    assert pair[1] in persian["fullness"]


def test_one_server_alone_is_not_named(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in.answer = telling(histogram_quantile=2.5, kubelet_volume=0.4)
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@127.0.0.1:9/x")
    monkeypatch.setenv("PROMETHEUS_URL", stand_in.url)
    forget_caches()

    found = measuring.measure(NOW)

    forget_caches()
    assert (found.p95_s, found.p95_server) == (2.5, "")
    assert found.fullness == (Fullness(name="volume", share=0.4),)
