"""The client and the gateway understand each other: every answer that is not a fault."""

import logging
from collections.abc import Callable

import pytest

from backend.clients.zibal import (
    GatewayResult,
    GatewayStatus,
    PaymentReport,
    SessionOpened,
    SessionRefused,
    TrackId,
    ZibalGateway,
)
from backend.money import Rial
from backend.sandbox.zibal import codes
from backend.sandbox.zibal.driver import Driver

CALLBACK = "https://portal.docuchat.example/payments/return?nonce=1"
Opener = Callable[..., TrackId]


def refused(client: ZibalGateway, amount: int = 20_000, callback: str = CALLBACK) -> GatewayResult:
    answer = client.open_session(amount_rial=Rial(amount), callback_url=callback, order_id="o")
    assert isinstance(answer, SessionRefused), answer
    assert answer.message
    return answer.result


def test_a_session_that_was_opened_waits_for_its_payer(client: ZibalGateway, open_session: Opener) -> None:
    report = client.inquire(open_session(order_id="7f3"))

    assert (report.result, report.status) == (GatewayResult.OK, GatewayStatus.WAITING)
    assert (report.amount_rial, report.order_id) == (20_000, "7f3")
    assert (report.paid_at, report.verified_at, report.ref_number, report.card) == (None, None, None, None)


def test_two_requests_with_one_order_open_two_sessions(open_session: Opener) -> None:
    assert open_session(order_id="same") != open_session(order_id="same")


def test_track_ids_look_like_the_documented_example(open_session: Opener) -> None:
    assert {len(str(open_session())) for _ in range(20)} == {len("15966442233311")}


def test_track_ids_may_use_all_of_64_bits(zibal: Driver, client: ZibalGateway) -> None:
    zibal.fault("request", "fields", {"trackId": 2**63 - 1})

    opened = client.open_session(amount_rial=Rial(20_000), callback_url=CALLBACK, order_id="o")

    assert opened == SessionOpened(track_id=TrackId(2**63 - 1))
    assert client.start_url(TrackId(2**63 - 1)).endswith("/9223372036854775807")


def test_money_is_accepted_once_and_asking_again_says_so(
    zibal: Driver, client: ZibalGateway, open_session: Opener
) -> None:
    track_id = open_session()
    zibal.pay(track_id)

    first, second = client.verify(track_id), client.verify(track_id)

    assert (first.result, first.status, first.amount_rial) == (
        GatewayResult.OK,
        GatewayStatus.PAID_VERIFIED,
        20_000,
    )
    assert second == PaymentReport(
        result=GatewayResult.ALREADY_VERIFIED, result_code=201, message="previously verifed"
    )
    assert client.inquire(track_id).status is GatewayStatus.PAID_VERIFIED


def test_paid_and_not_verified_is_told_apart_from_verified(
    zibal: Driver, client: ZibalGateway, open_session: Opener
) -> None:
    track_id = open_session()
    zibal.pay(track_id)

    report = client.inquire(track_id)

    assert (report.status, report.status_code) == (GatewayStatus.PAID_UNVERIFIED, 2)
    assert report.paid_at is not None
    assert report.verified_at is None


def test_the_sandbox_merchant_has_neither_reference_nor_card(
    zibal: Driver, client: ZibalGateway, open_session: Opener
) -> None:
    track_id = open_session()
    zibal.pay(track_id)

    report = client.verify(track_id)

    assert (report.ref_number, report.card) == (None, None)


def test_a_live_merchant_has_a_reference_and_a_masked_card(zibal: Driver) -> None:
    live = ZibalGateway(zibal.url, "docuchat-live")
    opened = live.open_session(amount_rial=Rial(20_000), callback_url=CALLBACK, order_id="o")
    assert isinstance(opened, SessionOpened)
    zibal.pay(opened.track_id)

    report = live.verify(opened.track_id)
    live.close()

    assert report.card == "62741****44"
    assert report.ref_number is not None
    assert report.ref_number.isdigit()


def test_a_session_of_another_merchant_is_unknown(zibal: Driver, open_session: Opener) -> None:
    other = ZibalGateway(zibal.url, "docuchat-live")
    track_id = open_session()

    verified, asked = other.verify(track_id), other.inquire(track_id)
    other.close()

    expected = PaymentReport(
        result=GatewayResult.TRACK_ID_UNKNOWN, result_code=203, message="trackId not found"
    )
    assert (verified, asked) == (expected, expected)


def test_an_unpaid_session_is_not_verified(client: ZibalGateway, open_session: Opener) -> None:
    assert client.verify(open_session()) == PaymentReport(
        result=GatewayResult.NOT_PAID, result_code=202, message="transaction failed"
    )


@pytest.mark.parametrize("status", [*codes.FAILURES, codes.CANCELLED])
def test_every_failure_is_reported_by_name_and_never_verified(
    zibal: Driver, client: ZibalGateway, open_session: Opener, status: int
) -> None:
    track_id = open_session()
    zibal.fail(track_id, status)

    report = client.inquire(track_id)

    assert report.status is GatewayStatus(status) is not GatewayStatus.UNKNOWN
    assert report.paid_at is None
    assert client.verify(track_id).result is GatewayResult.NOT_PAID


@pytest.mark.parametrize(
    ("act", "status"),
    [
        ("refund", GatewayStatus.REFUNDED),
        ("refunding", GatewayStatus.REFUNDING),
        ("reverse", GatewayStatus.REVERSED),
    ],
)
def test_money_that_went_back_later_is_seen_by_asking(
    zibal: Driver, client: ZibalGateway, open_session: Opener, act: str, status: GatewayStatus
) -> None:
    track_id = open_session()
    zibal.pay(track_id)
    client.verify(track_id)

    zibal.act(track_id, act)

    assert client.inquire(track_id).status is status


def test_unverified_money_goes_back_when_that_is_switched_on(
    zibal: Driver, client: ZibalGateway, open_session: Opener
) -> None:
    zibal.behave(auto_reverse_s=900)
    late, early = open_session(), open_session()
    zibal.pay(late)
    zibal.pay(early)
    client.verify(early)

    zibal.advance(901)

    assert client.inquire(late).status is GatewayStatus.REVERSED
    assert client.verify(late).result is GatewayResult.NOT_PAID
    assert client.inquire(early).status is GatewayStatus.PAID_VERIFIED


@pytest.mark.parametrize("amount", [0, 1, 999, 1_000])
def test_amounts_up_to_the_floor_are_too_small(client: ZibalGateway, amount: int) -> None:
    assert refused(client, amount=amount) is GatewayResult.AMOUNT_TOO_SMALL


def test_an_amount_over_the_ceiling_is_too_large(zibal: Driver, client: ZibalGateway) -> None:
    zibal.merchant("zibal", ceiling_rial=3_000_000_000)

    assert refused(client, amount=3_000_000_001) is GatewayResult.AMOUNT_TOO_LARGE
    assert isinstance(
        client.open_session(amount_rial=Rial(3_000_000_000), callback_url=CALLBACK, order_id="o"),
        SessionOpened,
    )


@pytest.mark.parametrize("callback", ["", "ftp://a.example/", "/return", "https://"])
def test_a_callback_that_is_no_web_address_is_refused(client: ZibalGateway, callback: str) -> None:
    assert refused(client, callback=callback) is GatewayResult.CALLBACK_INVALID


def test_a_callback_outside_the_registered_domain_is_refused(zibal: Driver, client: ZibalGateway) -> None:
    zibal.merchant("zibal", domain="docuchat.ir")

    assert refused(client, callback="https://portal.other.ir/return") is GatewayResult.CALLBACK_INVALID
    assert isinstance(
        client.open_session(
            amount_rial=Rial(20_000), callback_url="https://portal.docuchat.ir/return", order_id="o"
        ),
        SessionOpened,
    )


@pytest.mark.parametrize(
    ("merchant", "fields", "result"),
    [
        pytest.param("nobody", None, GatewayResult.MERCHANT_UNKNOWN, id="unknown"),
        pytest.param("resting", {"is_active": False}, GatewayResult.MERCHANT_INACTIVE, id="inactive"),
        pytest.param("not valid!", None, GatewayResult.MERCHANT_INVALID, id="invalid"),
        pytest.param("", None, GatewayResult.MERCHANT_INVALID, id="empty"),
        pytest.param(
            "fenced", {"allowed_addresses": ["10.0.0.1"]}, GatewayResult.ADDRESS_NOT_ALLOWED, id="address"
        ),
    ],
)
def test_a_merchant_who_may_not_is_told_so_by_every_call(
    zibal: Driver, merchant: str, fields: dict[str, object] | None, result: GatewayResult
) -> None:
    if fields:
        zibal.merchant(merchant, **fields)
    client = ZibalGateway(zibal.url, merchant)

    answers = [refused(client), client.verify(TrackId(1)).result, client.inquire(TrackId(1)).result]
    client.close()

    assert answers == [result, result, result]


@pytest.mark.parametrize("code", [107, 108, 109, 110, 111, 112, 114, 116])
def test_refusals_that_our_requests_cannot_cause_have_names_too(
    zibal: Driver, client: ZibalGateway, code: int
) -> None:
    zibal.fault("request", "result", code)

    assert refused(client) is GatewayResult(code) is not GatewayResult.UNKNOWN


def test_a_mobile_number_is_sent_in_the_form_the_gateway_wants(zibal: Driver, client: ZibalGateway) -> None:
    opened = client.open_session(
        amount_rial=Rial(20_000),
        callback_url=CALLBACK,
        order_id="o",
        mobile="+۹۸ ۹۱۲ ۳۴۵ ۶۷۸۹",
        description="ش" * 600,
    )

    assert isinstance(opened, SessionOpened)
    session = zibal.session(opened.track_id)
    assert (session["mobile"], len(session["description"])) == ("09123456789", 500)


def test_the_merchant_shows_in_no_text(zibal: Driver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = ZibalGateway(zibal.url, "canary-merchant")
    zibal.fault("verify", "drop")

    client.open_session(amount_rial=Rial(20_000), callback_url=CALLBACK, order_id="o")
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it must not tell
        client.verify(TrackId(5))
    client.close()

    told = (
        f"{client!r} {caplog.text} {caught.value!r} {caught.value.__cause__!r} {client.merchant_fingerprint}"
    )
    assert "canary-merchant" not in told


def test_the_payer_is_sent_to_the_start_of_a_session_only(client: ZibalGateway, zibal: Driver) -> None:
    assert client.start_url(TrackId(15966442233311)) == f"{zibal.url}/start/15966442233311"
    with pytest.raises(ValueError, match="track id"):
        client.start_url(TrackId(-1))
