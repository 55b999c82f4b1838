"""The model provider's stand-in as the provider of the settings, and alerts to word."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from backend.actor import Actor, Role
from backend.assistant import service
from backend.assistant.types import NumberedAlert, Wording, WordingReason
from backend.clients.openai import shared_client
from backend.config import settings
from backend.i18n.catalog import Lang
from tests import factories
from tests.integration.telemetry.conftest import Vendor, own_model, running_vendor, vendor
from tests.waiting import until

__all__ = ["own_model", "running_vendor", "vendor"]

STARTED = datetime(2026, 11, 28, 12, 5, tzinfo=UTC)


def alert(number: int = 1, group: int = 1, name: str = "HighErrorRate", **fields: object) -> NumberedAlert:
    """An alert as the alerts' own rules number it."""
    given: dict[str, object] = {
        "fingerprint": f"f{number}",
        "severity": "critical",
        "service": "api",
        "is_muted": False,
        "started_at": STARTED,
        "facts": (("pod", f"api-{number}"), ("summary", "7.5 % of requests fail")),
    }
    return NumberedAlert(number=number, group=group, name=name, **{**given, **fields})  # type: ignore[arg-type]


class Reader:
    """An operator before the alerts page."""

    def __init__(self, provider: Vendor) -> None:
        self.vendor = provider
        self.actor: Actor = factories.actor(Role.OPERATOR)

    def read(self, alerts: Sequence[NumberedAlert] | None = None, lang: Lang = "en") -> Wording:
        """What the page says of the wording at this moment."""
        return service.wording(self.actor, [alert()] if alerts is None else alerts, lang)

    def read_on(self, alerts: Sequence[NumberedAlert] | None = None, lang: Lang = "en") -> Wording:
        """What it says as soon as no model is waited for any more."""
        found: list[Wording] = []

        def is_told() -> bool:
            found.append(self.read(alerts, lang))
            return found[-1].reason is not WordingReason.WAITING

        until(is_told)
        return found[-1]


@pytest.fixture
def reader(database: str, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.setenv("OPENAI_BASE_URL", vendor.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-sandbox-key-of-the-tests")
    settings.cache_clear()
    yield Reader(vendor)
    if shared_client.cache_info().currsize:
        shared_client().close()
    shared_client.cache_clear()
