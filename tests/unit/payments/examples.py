"""Attempts and answers of the gateway to decide about."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from backend.actor import TenantId
from backend.invoices.types import InvoiceId
from backend.money import Rial
from backend.payments.reconcile_types import GatewayEvidence, SessionStatus
from backend.payments.types import PROVIDER, Attempt, AttemptId, AttemptState, GatewayCheck, Payable

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
AMOUNT = Rial(50_000)
ORDER = "order-1"
TENANT = TenantId(UUID(int=1))


def attempt(state: AttemptState = AttemptState.REDIRECTED, **fields: Any) -> Attempt:
    """An attempt that was handed over just now."""
    plain = Attempt(
        id=AttemptId(uuid4()),
        tenant_id=TENANT,
        provider=PROVIDER,
        merchant_fingerprint="m",
        amount_rial=AMOUNT,
        order_ref=ORDER,
        nonce_sha256=b"",
        track_id=7,
        state=state,
        settlement_no=0,
        flags=(),
        created_by="user:x",
        created_at=NOW,
        requested_at=NOW,
        redirected_at=NOW,
        returned_at=None,
        settled_at=None,
        next_check_at=None,
        resolved_at=None,
        resolution=None,
    )
    return changed(plain, **fields)


def changed(attempt: Attempt, **fields: Any) -> Attempt:
    """The attempt with other values; those of its check are named like its own."""
    checked = {name: fields.pop(name) for name in fields.keys() & GatewayCheck.__dataclass_fields__}
    return replace(attempt, check=replace(attempt.check, **checked), **fields)


def report(session_status: SessionStatus | None, **fields: Any) -> GatewayEvidence:
    """An answer about the attempt's session."""
    plain = GatewayEvidence(
        result=100,
        is_report=True,
        session_status=session_status,
        status=0,
        amount_rial=AMOUNT,
        order_ref=ORDER,
    )
    return replace(plain, **fields)


def refusal(result: int) -> GatewayEvidence:
    """An answer of two keys."""
    return GatewayEvidence(result=result, is_report=False)


def payable(outstanding: int, *, day: int = 1, pending: bool = True) -> Payable:
    """An invoice with something to pay."""
    return Payable(
        invoice_id=InvoiceId(uuid4()),
        tenant_id=TENANT,
        number=f"1405-{day:06d}",
        day=date(2026, 1, 1) + timedelta(days=day),
        amount_rial=Rial(outstanding),
        outstanding_rial=Rial(outstanding),
        is_pending=pending,
    )
