"""Reading what the gateway says, whatever it says."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.clients.zibal import GatewayResult, GatewayStatus, local_mobile, mask_card, parse_track_id
from backend.clients.zibal_answers import to_report, to_session
from backend.errors import Unavailable

# The first draw of a process builds the tables of Unicode, which is slow on a busy machine.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CODES = st.sampled_from([100, "100", 100.0, 201, 1, "1", 2, True])
JSON = CODES | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = [
    "result",
    "status",
    "amount",
    "orderId",
    "refNumber",
    "cardNumber",
    "paidAt",
    "verifiedAt",
    "message",
    "trackId",
]


@patient
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON)))
def test_no_answer_crashes_and_only_the_exact_codes_mean_success_or_paid(answer: dict[str, Any]) -> None:
    try:
        report = to_report(answer)
        to_session(answer)
    except Unavailable:
        return
    assert (report.result is GatewayResult.OK) == (str(answer["result"]) == "100")
    assert (report.status is GatewayStatus.PAID_VERIFIED) == (
        answer.get("status") in (1, "1") and answer["status"] is not True
    )
    assert report.amount_rial is None or report.amount_rial >= 0


@patient
@given(st.text(max_size=40))
def test_no_card_text_shows_more_than_six_and_four_digits(text: str) -> None:
    shown = mask_card(text)

    assert sum(char.isdecimal() for char in shown) <= 10
    assert set(shown) <= set("0123456789*")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("62741****44", "62741****44"),
        ("6274129876543210", "627412******3210"),
        ("6274-1298-7654-3210", "627412******3210"),
        ("۶۲۷۴۱۲۹۸۷۶۵۴۳۲۱۰", "627412******3210"),
        ("627412*876543210", "627412******3210"),
        ("<b>", ""),
    ],
)
def test_cards_are_masked_again(text: str, shown: str) -> None:
    assert mask_card(text) == shown


@pytest.mark.parametrize("text", ["1", "3714061657", "9223372036854775807", "007"])
def test_digits_that_fit_64_bits_are_a_track_id(text: str) -> None:
    assert parse_track_id(text) == int(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0000",
        " 1",
        "1\n",
        "+1",
        "-1",
        "1.0",
        "1e3",
        "۱۲۳",
        "١",
        "9223372036854775808",
        "12345678901234567890",
        "x" * 10**6,
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parse_track_id(text) is None


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("09123456789", "09123456789"),
        ("+98 912 345 6789", "09123456789"),
        ("00989123456789", "09123456789"),
        ("9123456789", "09123456789"),
        ("۰۹۱۲۳۴۵۶۷۸۹", "09123456789"),
        ("02188888888", ""),
        ("", ""),
    ],
)
def test_only_mobile_numbers_become_mobile_numbers(text: str, local: str) -> None:
    assert local_mobile(text) == local


def test_a_reference_may_come_as_number_or_text() -> None:
    assert to_report({"result": 100, "refNumber": 123456789012}).ref_number == "123456789012"
    assert to_report({"result": 100, "refNumber": "ab-12"}).ref_number == "ab-12"
    assert to_report({"result": 100, "refNumber": None}).ref_number is None


def test_the_gateways_words_lose_what_could_mislead_a_reader() -> None:
    report = to_report({"result": 202, "message": "a\u202eb\x00c\n" + "d" * 500})

    assert report.message.startswith("abcd")
    assert len(report.message) == 200


@pytest.mark.parametrize("amount", ["20000", 20000.0, True, -1, 0, 10**15 + 1, 10**40, None, [20000]])
def test_only_a_whole_number_is_an_amount(amount: object) -> None:
    assert to_report({"result": 100, "status": 1, "amount": amount}).amount_rial is None


@pytest.mark.parametrize("track_id", [0, "0", -5, 1.5, True, None, 2**63, "1e3", {}, "۱۲"])
def test_a_session_without_a_usable_track_id_was_not_opened(track_id: object) -> None:
    with pytest.raises(Unavailable):
        to_session({"result": 100, "trackId": track_id})


@pytest.mark.parametrize(
    ("field", "told", "kept"),
    [
        ("refNumber", 0, None),
        ("refNumber", -5, None),
        ("refNumber", 10**70, None),
        ("refNumber", True, None),
        ("refNumber", "000", None),
        ("refNumber", "-5", None),
        ("refNumber", "<b>1</b>", None),
        ("refNumber", " 0012 ", "0012"),
        ("cardNumber", "***", None),
        ("cardNumber", "1", None),
        ("cardNumber", "62741****44", "62741****44"),
        ("cardNumber", "6274129876543210", "627412******3210"),
        ("paidAt", "2018-03-25T23:43:01.053000", "2018-03-25T23:43:01.053000"),
        ("paidAt", "1397/01/05-23:43", None),
        ("paidAt", "1397-01-31 23:43:01", "1397-01-31 23:43:01"),
        ("paidAt", "0001-01-01T00:00:00", None),
        ("paidAt", "2018-13-45T99:99:99", None),
        ("verifiedAt", "yesterday", None),
    ],
)
def test_an_absurd_field_is_absent(field: str, told: object, kept: str | None) -> None:
    report = to_report({"result": 100, "status": 1, field: told})

    assert (report.ref_number or report.card or report.paid_at or report.verified_at) == kept
