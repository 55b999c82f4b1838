"""Every measuring server is asked by itself, and named with what kept it from answering."""

from datetime import UTC, datetime

import pytest

from backend.alerts import source
from backend.alerts.types import SourceKind
from backend.sandbox.processes import free_port
from tests.conftest import forget_caches
from tests.integration.usage.stand_in import StandIn, serving, stand_in

__all__ = ["stand_in"]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _without_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@127.0.0.1:9/x")
    monkeypatch.setenv("ALERTMANAGER_URLS", f"http://127.0.0.1:{free_port()}")


def seen(urls: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The cause of each measuring server, by its name."""
    monkeypatch.setenv("PROMETHEUS_URL", urls)
    forget_caches()
    try:
        found = source.look(NOW).sources
    finally:
        forget_caches()
    return {each.name: each.cause for each in found if each.kind == SourceKind.PROMETHEUS}


def test_each_of_several_is_named_with_its_cause(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as strict:
        strict.reply = lambda: (401, b"")
        dead = f"127.0.0.1:{free_port()}"
        urls = f"{stand_in.url},{strict.url}/prometheus,http://{dead}"

        causes = seen(urls, monkeypatch)

    bare = [url.removeprefix("http://") for url in (stand_in.url, strict.url)]
    assert causes == {bare[0]: "", f"{bare[1]}/prometheus": "unauthorized", dead: "connection"}


def test_one_alone_needs_no_name_of_its_own(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen(stand_in.url, monkeypatch) == {"prometheus": ""}
