"""The merchant's code and full card numbers are in no log, no row, no mail and no answer."""

import io
import json
from dataclasses import asdict

import pytest
from sqlalchemy import text

from backend.actor import Role
from backend.config import settings
from backend.db.engine import read
from backend.errors import AppError
from backend.i18n.catalog import LANGUAGES
from backend.payments import service
from backend.payments.types import HandOff
from portal.features.invoices.payment_rows import read_credit, read_offer, to_attempts
from portal.features.payments import queries
from portal.http.payments import _facts
from tests import factories
from tests.integration.payments.payer import Payer, let_time_pass, sweep, track_of

MERCHANT = "canary-merchant-4711"
CARD = "6274121234567890"
TABLES = (
    "payment_attempt",
    "payment_allocation",
    "payment_event",
    "tenant_ledger",
    "outbox_mail",
    "audit_entry",
)


def everything_stored() -> str:
    with read() as connection:
        return "".join(
            str([dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()])
            for table in TABLES
        )


def shown_by_the_portal(payer: Payer, hand_off: HandOff) -> str:
    """All that the pages of payments hand to a browser, in both languages, for its people and for staff."""
    operator, [invoice_id] = factories.actor(Role.OPERATOR), hand_off.invoice_ids
    shown: list[object] = []
    for lang in LANGUAGES:
        shown += [
            queries.overview(operator, lang),
            queries.evidence(operator, str(hand_off.attempt_id), lang),
            *to_attempts(service.history(payer.actor, invoice_id), lang),
            read_offer(payer.actor, None, lang),
            read_credit(payer.actor, lang),
            _facts(payer.come_back(hand_off), [], lang),
        ]
    return str(shown)


def test_neither_merchant_nor_card_number_is_kept_or_told(
    payer: Payer, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    payer.bank.merchant(MERCHANT)
    monkeypatch.setenv("ZIBAL_MERCHANT", MERCHANT)
    settings.cache_clear()
    for point in ("inquiry", "verify"):
        payer.bank.fault(
            point, "fields", {"cardNumber": CARD, "merchant": MERCHANT, "message": f"{MERCHANT} {CARD}"}
        )
    payer.bank.fault("request", "drop", times=1)

    with pytest.raises(AppError) as refused:
        payer.start(payer.invoice())
    hand_off = payer.start()
    payer.pay(hand_off)
    back = payer.come_back(hand_off)
    let_time_pass(payer.bank, hours=2)
    sweep()
    operator = factories.actor(Role.OPERATOR)
    service.check_again(operator, hand_off.attempt_id)
    file = service.file_of(operator, hand_off.attempt_id)

    told = json.dumps([asdict(back), asdict(file), str(refused.value), asdict(hand_off)], default=str)
    told += shown_by_the_portal(payer, hand_off)
    for place in (told, everything_stored(), logged.getvalue()):
        assert place
        assert MERCHANT not in place
        assert CARD not in place
        assert CARD[6:12] not in place.replace(str(track_of(hand_off)), "")
    assert file.attempt.check.card_mask == "627412******7890"
