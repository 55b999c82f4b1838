"""The demo's past payments are real ones: made by the service, known to the gateway, told by no new mail."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.actor import Actor, Role, TenantId
from backend.clients import zibal as zibal_client
from backend.clock import utc_now
from backend.config import settings
from backend.db.engine import transaction
from backend.invoices.types import InvoiceId
from backend.payments import service as payments
from backend.payments.types import AttemptState
from backend.sandbox import seed
from backend.sandbox.companies import COMPANIES
from backend.sandbox.processes import free_port
from backend.sandbox.site import Site
from backend.sandbox.zibal.server import running
from tests import factories
from tests.integration.payments.payer import invoice, invoice_row, mails

OPERATOR = factories.actor(Role.OPERATOR)
SWEEPER = Actor.process_named("sweep_payments")


@pytest.fixture
def site(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("ZIBAL_URL", f"http://127.0.0.1:{free_port()}")
    settings.cache_clear()
    yield Site(tmp_path / "site", use="test")
    zibal_client.gateway().close()
    zibal_client._gateway.cache_clear()


def invoice_of(tenant_id: TenantId, day: date) -> InvoiceId:
    made = invoice(tenant_id, 50_000)
    with transaction() as connection:
        connection.execute(
            text("UPDATE tenant_invoice SET day = :day WHERE id = :id"), {"day": day, "id": made}
        )
    return made


def test_old_invoices_were_paid_by_few_payments_that_the_gateway_knows(site: Site) -> None:
    tenant = factories.tenant(label=COMPANIES[0].label)
    old = [invoice_of(tenant.id, date(2026, 3, 1) + timedelta(days=number)) for number in range(9)]

    seed._pay(site)
    seed._pay(site)
    seed._send_old_receipts(utc_now())

    rows = [invoice_row(each) for each in old]
    assert {row["status"] for row in rows} == {"paid"}
    assert all(utc_now() - row["paid_at"] > timedelta(days=30) for row in rows)
    tracks = {row["zibal_track_id"] for row in rows}
    assert len(tracks) <= 3
    assert all(mail["sent_at"] is not None for mail in mails())
    with running(int(settings().zibal_url.rpartition(":")[2]), state_path=site.state_dir / "zibal.json"):
        for track in tracks:
            [attempt] = payments.search_payments(OPERATOR, str(track), limit=2).rows
            assert payments.reconcile(SWEEPER, attempt.id).state == AttemptState.SETTLED
            assert attempt.created_by == f"user:{COMPANIES[0].admin_email}"
