"""The payer's side of the stand-in: the way in, the bank's page, the way back with all its accidents."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from backend.clients.zibal import GatewayStatus, TrackId, ZibalGateway
from backend.sandbox.zibal import codes
from backend.sandbox.zibal.driver import Driver
from tests.integration.zibal.conftest import Shop
from tests.waiting import until

Opener = Callable[..., TrackId]
CALLBACK = "https://portal.docuchat.ir/pay/return?nonce=n-1&x=%D8%A2"
HOME = {"referer": "https://portal.docuchat.ir/"}


def choose(client: ZibalGateway, track_id: TrackId, outcome: str) -> httpx.Response:
    return httpx.post(client.start_url(track_id), data={"outcome": outcome})


def query_of(address: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(address).query, keep_blank_values=True)


@pytest.mark.parametrize(
    ("referer", "status"),
    [
        pytest.param("https://portal.docuchat.ir/", 200, id="origin"),
        pytest.param("https://portal.docuchat.ir/fa/invoices/7?x=1", 200, id="page"),
        pytest.param("https://www.docuchat.ir/", 200, id="sister"),
        pytest.param("https://docuchat.ir:8443/", 200, id="port"),
        pytest.param("", 403, id="none"),
        pytest.param("https://mail.example.com/inbox", 403, id="mail"),
        pytest.param("https://docuchat.ir.example.com/", 403, id="look-alike"),
        pytest.param("https://notdocuchat.ir/", 403, id="suffix"),
        pytest.param("portal.docuchat.ir", 403, id="no-address"),
    ],
)
def test_only_pages_of_the_shop_lead_to_the_bank(
    client: ZibalGateway, open_session: Opener, referer: str, status: int
) -> None:
    url = client.start_url(open_session(CALLBACK))

    answer = httpx.get(url, headers={"referer": referer} if referer else {})

    assert answer.status_code == status
    assert 'lang="fa" dir="rtl"' in answer.text


def test_registered_domains_of_second_level_are_told_apart(
    client: ZibalGateway, open_session: Opener
) -> None:
    url = client.start_url(open_session("https://shop.one.co.ir/return"))

    assert httpx.get(url, headers={"referer": "https://www.one.co.ir/"}).status_code == 200
    assert httpx.get(url, headers={"referer": "https://www.two.co.ir/"}).status_code == 403


def test_a_refused_payer_is_told_what_to_do(client: ZibalGateway, open_session: Opener) -> None:
    page = httpx.get(client.start_url(open_session(CALLBACK))).text

    assert "به سایت پذیرنده برگردید" in page


def test_the_banks_page_needs_nothing_from_elsewhere_and_offers_every_outcome(
    client: ZibalGateway, open_session: Opener
) -> None:
    answer = httpx.get(client.start_url(open_session(CALLBACK)), headers=HOME)

    assert not re.search(r"(src|href)=|url\(|<script|@import", answer.text)
    assert {"pay", "cancel", *map(str, codes.FAILURES)} == set(re.findall(r'value="([^"]+)"', answer.text))
    assert "۲۰٬۰۰۰ ریال" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_bank_names_the_shop_and_the_amount_to_the_rial(zibal: Driver) -> None:
    body = {"merchant": "zibal", "amount": 20_005, "callbackUrl": CALLBACK}
    track_id = httpx.post(f"{zibal.url}/v1/request", json=body).json()["trackId"]

    page = httpx.get(f"{zibal.url}/start/{track_id}", headers=HOME).text

    assert [said for said in ("داکیوچت", "۲۰٬۰۰۵ ریال", "۲٬۰۰۰٫۵ تومان") if said not in page] == []


def test_what_the_shop_sent_is_only_text_on_the_page(zibal: Driver, client: ZibalGateway) -> None:
    zibal.merchant("zibal", name="<script>x</script>")
    body = {"merchant": "zibal", "amount": 20_000, "callbackUrl": CALLBACK, "description": "<img onerror=y>"}
    track_id = httpx.post(f"{zibal.url}/v1/request", json=body).json()["trackId"]

    page = httpx.get(f"{zibal.url}/start/{track_id}", headers=HOME).text

    assert "<script" not in page
    assert "<img" not in page


def test_paying_leads_back_with_the_shops_own_parameters_first(
    client: ZibalGateway, open_session: Opener
) -> None:
    track_id = open_session(CALLBACK, order_id="a&b=c")

    answer = choose(client, track_id, "pay")

    assert answer.status_code == 302
    assert answer.headers["location"].startswith(
        "https://portal.docuchat.ir/pay/return?nonce=n-1&x=%D8%A2&trackId="
    )
    assert query_of(answer.headers["location"]) == [
        ("nonce", "n-1"),
        ("x", "آ"),
        ("trackId", str(track_id)),
        ("success", "1"),
        ("status", "2"),
        ("orderId", "a&b=c"),
    ]
    assert client.inquire(track_id).status is GatewayStatus.PAID_UNVERIFIED


def test_without_an_order_none_comes_back(zibal: Driver) -> None:
    body = {"merchant": "zibal", "amount": 20_000, "callbackUrl": "https://portal.docuchat.ir/r"}
    track_id = httpx.post(f"{zibal.url}/v1/request", json=body).json()["trackId"]

    answer = httpx.post(f"{zibal.url}/start/{track_id}", data={"outcome": "pay"})

    assert [name for name, _ in query_of(answer.headers["location"])] == ["trackId", "success", "status"]


@pytest.mark.parametrize("status", [codes.CANCELLED, *codes.FAILURES])
def test_every_other_button_leads_back_without_success(
    client: ZibalGateway, open_session: Opener, status: int
) -> None:
    track_id = open_session(CALLBACK)

    answer = choose(client, track_id, "cancel" if status == codes.CANCELLED else str(status))

    query = dict(query_of(answer.headers["location"]))
    assert (query["success"], query["status"]) == ("0", str(status))
    assert client.inquire(track_id).status is GatewayStatus(status)


def test_a_second_click_changes_nothing_and_leads_back_again(
    zibal: Driver, client: ZibalGateway, open_session: Opener
) -> None:
    track_id = open_session(CALLBACK)

    first, second = choose(client, track_id, "pay"), choose(client, track_id, "cancel")

    assert first.headers["location"] == second.headers["location"]
    assert zibal.session(track_id)["payments"] == 1


def test_going_back_to_the_bank_shows_the_outcome_and_a_way_home(
    client: ZibalGateway, open_session: Opener
) -> None:
    track_id = open_session(CALLBACK)
    choose(client, track_id, "5")

    page = httpx.get(client.start_url(track_id), headers=HOME).text

    assert codes.FAILURES[5] in page
    assert "trackId=" in page
    assert 'name="outcome"' not in page


def test_a_session_that_lay_too_long_cannot_be_paid(
    zibal: Driver, client: ZibalGateway, open_session: Opener
) -> None:
    track_id = open_session(CALLBACK)
    zibal.advance(20 * 60)

    shown = httpx.get(client.start_url(track_id), headers=HOME)
    answer = choose(client, track_id, "pay")

    assert "به پایان رسیده" in shown.text
    assert "به پایان رسیده" in answer.text
    assert client.inquire(track_id).status is GatewayStatus.WAITING


@pytest.mark.parametrize("track_id", ["1", "x", "۱۲", "-1", "99999999999999999999"])
def test_unknown_sessions_get_a_page_for_people(zibal: Driver, track_id: str) -> None:
    answer = httpx.get(f"{zibal.url}/start/{track_id}")

    assert answer.status_code == 404
    assert "پیدا نشد" in answer.text


def test_a_callback_that_is_never_sent_leaves_the_payer_at_the_bank(
    zibal: Driver, client: ZibalGateway, open_session: Opener
) -> None:
    zibal.fault("callback", "never")
    track_id = open_session(CALLBACK)

    answer = choose(client, track_id, "pay")

    assert answer.status_code == 200
    assert client.inquire(track_id).status is GatewayStatus.PAID_UNVERIFIED


def test_a_callback_may_lack_its_status_or_lie(
    client: ZibalGateway, zibal: Driver, open_session: Opener
) -> None:
    track_id = open_session(CALLBACK)
    zibal.fault("callback", "without", ["status"])
    zibal.fault("callback", "fields", {"success": "1"})

    query = dict(query_of(choose(client, track_id, "5").headers["location"]))

    assert query["success"] == "1"
    assert "status" not in query


def test_a_callback_may_name_the_order_of_another(
    client: ZibalGateway, zibal: Driver, open_session: Opener
) -> None:
    open_session(CALLBACK, order_id="theirs")
    track_id = open_session(CALLBACK, order_id="mine")
    zibal.fault("callback", "swapped_order")

    assert ("orderId", "theirs") in query_of(choose(client, track_id, "pay").headers["location"])


def test_a_callback_may_come_twice_one_after_the_other(
    client: ZibalGateway, zibal: Driver, open_session: Opener, shop: Shop
) -> None:
    zibal.fault("callback", "twice")
    track_id = open_session(shop.callback_url)

    httpx.get(choose(client, track_id, "pay").headers["location"])

    assert len(shop.seen) == 2
    assert shop.seen[0] == shop.seen[1]
    assert shop.at_once == 1


def test_a_callback_may_come_many_times_at_once(
    client: ZibalGateway, zibal: Driver, open_session: Opener, shop: Shop
) -> None:
    zibal.fault("callback", "parallel", 8)
    track_id = open_session(shop.callback_url)

    httpx.get(choose(client, track_id, "pay").headers["location"])

    until(lambda: len(shop.seen) == 8)
    assert shop.at_once > 1


def test_a_test_can_play_payer_and_browser_in_one_call(
    zibal: Driver, open_session: Opener, shop: Shop
) -> None:
    zibal.fault("callback", "parallel", 5)
    track_id = open_session(shop.callback_url)

    session = zibal.pay(track_id, deliver=True)

    assert session["delivered"] == [200] * 5
    assert (session["status"], session["callbacks"]) == (2, 1)


def test_a_callback_can_be_replayed(zibal: Driver, open_session: Opener, shop: Shop) -> None:
    track_id = open_session(shop.callback_url)
    zibal.pay(track_id, deliver=True)

    zibal.act(track_id, "callback", deliver=True)

    assert shop.seen[0] == shop.seen[1]


def test_the_way_in_can_be_down(zibal: Driver, client: ZibalGateway, open_session: Opener) -> None:
    url = client.start_url(open_session(CALLBACK))
    zibal.fault("start", "http_error", times=1)

    assert [httpx.get(url, headers=HOME).status_code for _ in range(2)] == [503, 200]
