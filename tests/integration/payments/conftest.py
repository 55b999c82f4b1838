"""A tenant with invoices, the stand-in as the gateway of the settings, and the hands to play payer and clock."""

import io
import logging
from collections.abc import Iterator

import pytest

from backend.clients import zibal as zibal_client
from backend.config import settings
from backend.log import configure_logging
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.server import running
from tests.integration.payments.payer import Payer


@pytest.fixture(scope="session")
def payments_stand_in() -> Iterator[Driver]:
    with running() as driver:
        yield driver


@pytest.fixture
def bank(payments_stand_in: Driver, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    payments_stand_in.reset()
    monkeypatch.setenv("ZIBAL_URL", payments_stand_in.url)
    monkeypatch.setenv("ZIBAL_MERCHANT", "docuchat-live")
    settings.cache_clear()
    before = zibal_client.gateway()
    yield payments_stand_in
    # A test may have changed the merchant.
    for gateway in (before, zibal_client.gateway()):
        gateway.close()
    zibal_client._gateway.cache_clear()


@pytest.fixture
def payer(bank: Driver) -> Payer:
    return Payer(bank)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that the product logs, as it would stand on standard error."""
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logging(logging.DEBUG)
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    root.handlers[:], root.level = before, level
