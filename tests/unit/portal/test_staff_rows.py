"""What staff read of a payment: reasons in words, and only what can be done."""

from typing import Any

import pytest

from backend.i18n.catalog import Lang, text
from backend.payments.rules import NOT_DECIDED
from backend.payments.types import AttemptState, AttemptVerdict, PaymentFile, PaymentFlag
from portal.features.billing.rows import reason as held_reason
from portal.features.payments import reasons, rows
from tests.unit.payments.examples import NOW, attempt

REASONS = (
    *("no_answer", "no_session", "merchant_changed", "interrupted", "amount_missing", "order_missing"),
    *("status_11", "status_-2", "status_77", "status_None", "result_103", "result_115", "result_201"),
    *("result_202", "result_203", "result_999", "amount", "order", "unverified", "mismatch", "refunding"),
)


@pytest.mark.parametrize("lang", ["fa", "en"])
@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_a_doubt_has_words(reason: str, lang: Lang) -> None:
    assert reasons.undecided_why(reason, lang).endswith(".")


def test_a_code_that_nobody_documents_is_named() -> None:
    assert "77" in reasons.undecided_why("status_77", "en")
    assert "۷۷" in reasons.undecided_why("status_77", "fa")
    assert "\u2066-۷\u2069" in reasons.undecided_why("status_-7", "fa")
    assert reasons.undecided_why("something else", "en") == "something else"
    assert reasons.undecided_why(None, "en") == ""


@pytest.mark.parametrize("lang", ["fa", "en"])
@pytest.mark.parametrize("verdict", list(AttemptVerdict))
def test_no_list_shows_a_stored_code(verdict: AttemptVerdict, lang: Lang) -> None:
    told = rows.to_payment(attempt(AttemptState.REVIEW, verdict=verdict), "x", lang).reasons

    assert all(each.sentence.endswith(".") for each in told)
    assert (told != []) is (verdict in NOT_DECIDED | {AttemptVerdict.REFUNDING})
    assert reasons.undecided_why("new_code", lang) == text("payment.undecided.without_words", lang)


@pytest.mark.parametrize(
    ("fields", "is_booked"),
    [
        pytest.param({"state": AttemptState.REVIEW}, False, id="never booked"),
        pytest.param({"state": AttemptState.SETTLED, "settlement_no": 1}, True, id="settled"),
        pytest.param({"state": AttemptState.REFUNDED, "settlement_no": 1}, True, id="booked and given back"),
    ],
)
def test_a_mismatch_says_that_nothing_was_booked_only_where_that_is_so(
    fields: dict[str, Any], is_booked: bool
) -> None:
    [why] = rows.to_payment(attempt(flags=(PaymentFlag.MISMATCH,), **fields), "x", "en").reasons

    assert ("nothing was booked" in why.sentence) is not is_booked


@pytest.mark.parametrize(
    ("fields", "can_resolve"),
    [
        pytest.param(
            {"state": AttemptState.RETURNED, "verdict": AttemptVerdict.UNDECIDED}, True, id="undecided"
        ),
        pytest.param(
            {"state": AttemptState.SETTLED, "verdict": AttemptVerdict.PAID}, False, id="decided by a check"
        ),
        pytest.param({"state": AttemptState.SETTLED, "flags": (PaymentFlag.SURPLUS,)}, True, id="flagged"),
        pytest.param(
            {"state": AttemptState.SETTLED, "flags": (PaymentFlag.SURPLUS,), "resolved_at": NOW},
            False,
            id="resolved",
        ),
    ],
)
def test_resolving_is_offered_only_where_there_is_something(
    fields: dict[str, Any], can_resolve: bool
) -> None:
    file = PaymentFile(
        attempt=attempt(**fields),
        tenant_name_fa="الف",
        tenant_name_en="A",
        events=(),
        event_count=0,
        entries=(),
    )

    assert rows.to_file(file, "fa").can_resolve is can_resolve


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_a_check_that_nobody_answered_is_no_success(lang: Lang) -> None:
    silent = attempt(AttemptState.RETURNED, verdict=AttemptVerdict.UNDECIDED, last_error="no_answer")
    settled = attempt(AttemptState.SETTLED, verdict=AttemptVerdict.PAID)

    words, was_answered = rows.checked_words(silent, lang)

    assert not was_answered
    assert reasons.undecided_why("no_answer", lang) in words
    assert rows.checked_words(settled, lang)[1]


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_a_held_reason_without_words_is_never_shown_as_its_code(lang: Lang) -> None:
    told = held_reason("a_later_reason", lang)

    assert (told.name, told.sentence) == (
        text("invoice.hold_name.unknown", lang),
        text("invoice.hold.unknown", lang),
    )
