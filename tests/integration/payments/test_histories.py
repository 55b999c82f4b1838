"""A bounded number of random histories in each test run; ``make soak`` runs ten thousand."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from backend.clients import zibal as zibal_client
from backend.config import settings as product_settings
from backend.payments import start_service
from backend.sandbox.zibal.driver import Driver
from tests.soak.machine import CEILING_RIAL, FLOOR_RIAL, PREPARED, PaymentHistories
from tests.soak.world import MERCHANT, World

HISTORIES = 25
STEPS = 15


def test_no_history_leads_to_wrong_books(bank: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIBAL_MIN_RIAL", str(FLOOR_RIAL))
    monkeypatch.setenv("ZIBAL_MAX_RIAL", str(CEILING_RIAL))
    monkeypatch.setenv("PAYMENT_PREPARED_SESSIONS", str(PREPARED))
    # Histories change the merchant; this puts it back.
    monkeypatch.setenv("ZIBAL_MERCHANT_PREVIOUS", MERCHANT)
    monkeypatch.setattr(zibal_client, "_PAUSE_S", 0.001)
    monkeypatch.setattr(start_service, "PATIENCE_S", 0.3)
    product_settings.cache_clear()
    PaymentHistories.world = World(bank)

    run_state_machine_as_test(
        PaymentHistories,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

    PaymentHistories.world.close()
    assert PaymentHistories.world.histories >= HISTORIES
