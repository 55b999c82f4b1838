"""What alerts are made of stands in the exposition, also when the database is away."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from backend.invoices import service as invoices
from backend.sandbox.processes import free_port
from portal.http.business_metrics import SCRAPE, BusinessMetrics
from tests.conftest import forget_caches
from tests.factories import tenant


def exposition() -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(BusinessMetrics())
    lines = generate_latest(registry).decode().splitlines()
    return {
        name: float(value) for name, value in (line.split() for line in lines if not line.startswith("#"))
    }


def test_billing_and_payments_are_told(database: str) -> None:
    tenant("ava")

    told = exposition()

    assert told["portal_database_up"] == 1
    assert told["portal_billing_due_days"] == len(invoices.open_days(SCRAPE, due_only=True)) > 0
    assert told["portal_billing_overdue_days"] == 0
    assert told["portal_invoices_held"] == 0
    assert told["portal_payments_undecided"] == 0
    assert told["portal_mails_rejected"] == 0


def test_without_a_database_only_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:p@127.0.0.1:{free_port()}/x")
    forget_caches()

    told = exposition()
    forget_caches()

    assert told == {"portal_database_up": 0}
