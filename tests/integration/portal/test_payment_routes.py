"""The plain routes of payments against strangers, viewers, neighbours, a dead gateway and addresses of every kind."""

import re
from http import HTTPStatus
from uuid import uuid4

import httpx

from backend.actor import Role
from backend.payments.gateway_service import CALLBACK_PATH
from portal import routes
from portal.http.payments import CALLBACKS_AT_ONCE
from tests.integration.payments import payer
from tests.integration.portal.conftest import Served

STRANGE = (
    "",
    "trackId=",
    "trackId=abc",
    "trackId=-1",
    "trackId=1&trackId=2",
    "trackId=%D9%A1%D9%A2",
    "trackId=12345&success=0",
    "trackId=12345&success=2&status=&orderId=",
    f"trackId={'9' * 19}",
    f"trackId={2**63 - 1}&success=1&status=2&orderId=x",
    f"trackId={'1' * 3_000}",
    f"trackId=1&n={'x' * 3_000}",
    "trackId=1&n=%00%ff<script>alert(1)</script>",
    "&".join(f"p{n}=1" for n in range(200)),
)


def test_the_callback_leads_to_the_route_that_answers_it() -> None:
    assert routes.PAY_RETURN == CALLBACK_PATH


def test_the_routes_of_payments_keep_their_promises(served: Served) -> None:
    """One served process for many short promises: starting it is what takes time."""
    for promise in (
        whatever_comes_back_gets_a_human_page,
        the_page_to_the_bank_is_for_admins_only,
        a_post_without_the_right_to_pay_opens_nothing,
        a_dead_gateway_leads_back_with_a_reason,
        who_comes_back_too_often_is_told_so,
    ):
        promise(served)
    assert "Traceback" not in served.log


def is_human(answer: httpx.Response) -> bool:
    return (
        answer.headers["content-type"].startswith("text/html")
        and answer.headers["cache-control"] == "no-store"
        and answer.headers["referrer-policy"] == "origin"
        and "unsafe-inline" not in answer.headers["content-security-policy"].partition("style-src")[0]
        and re.search("<h1>[^<]+</h1>", answer.text) is not None
    )


def whatever_comes_back_gets_a_human_page(served: Served) -> None:
    with served.client() as browser:
        for query in STRANGE:
            answer = browser.get(f"{routes.PAY_RETURN}?{query}")
            assert (answer.status_code, is_human(answer)) == (HTTPStatus.OK, True), query
            assert "<script>alert" not in answer.text


def the_page_to_the_bank_is_for_admins_only(served: Served) -> None:
    page = routes.hand_off(uuid4())
    people = served.house.people
    with served.client() as browser:
        assert browser.get(page).headers["location"].startswith(f"{routes.SIGN_IN}?next=%2Fpay%2F")
    expected = {
        Role.TENANT_ADMIN: HTTPStatus.NOT_FOUND,
        Role.TENANT_VIEWER: HTTPStatus.FORBIDDEN,
        Role.OPERATOR: HTTPStatus.FORBIDDEN,
        Role.APPROVER: HTTPStatus.FORBIDDEN,
        Role.AUDITOR: HTTPStatus.FORBIDDEN,
    }
    for role, status in expected.items():
        with served.client(people[role].cookie) as browser:
            for path in (page, "/pay/no-such-payment", "/pay/start"):
                answer = browser.get(path)
                assert is_human(answer)
                assert answer.status_code in {status, HTTPStatus.NOT_FOUND}, (role, path)
            assert browser.get(page).status_code == status


def a_post_without_the_right_to_pay_opens_nothing(served: Served) -> None:
    house = served.house
    invoice_id = payer.invoice(house.own.id, 50_000)
    form = {"invoices": str(invoice_id)}
    with served.client() as browser:
        location = browser.post(routes.POST_PAY, data=form).headers["location"]
        assert location.startswith(routes.SIGN_IN)
        assert str(invoice_id) in location
    with served.client(house.people[Role.TENANT_VIEWER].cookie) as browser:
        for posted in (form, {"all": "1"}):
            assert "error=forbidden" in browser.post(routes.POST_PAY, data=posted).headers["location"]
    for role in (Role.OPERATOR, Role.APPROVER, Role.AUDITOR):
        with served.client(house.people[role].cookie) as browser:
            assert "error=forbidden" in browser.post(routes.POST_PAY, data=form).headers["location"]
    with served.client(house.neighbour.cookie) as browser:
        assert "error=not_found" in browser.post(routes.POST_PAY, data=form).headers["location"]
    with served.client(house.people[Role.TENANT_ADMIN].cookie) as browser:
        for junk in ("x", f"{invoice_id},x", str(uuid4())):
            location = browser.post(routes.POST_PAY, data={"invoices": junk}).headers["location"]
            assert re.search("error=(invalid|not_found)", location), junk
        assert browser.post(
            routes.POST_PAY, data=form, headers={"origin": "https://evil.example"}
        ).status_code == (HTTPStatus.FORBIDDEN)
    assert payer.count_rows("payment_attempt") == 0


def a_dead_gateway_leads_back_with_a_reason(served: Served) -> None:
    invoice_id = payer.invoice(served.house.own.id, 50_000)
    with served.client(served.house.people[Role.TENANT_ADMIN].cookie) as browser:
        answer = browser.post(routes.POST_PAY, data={"invoices": str(invoice_id)})
    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert answer.headers["location"] == f"{routes.invoice(invoice_id)}?error=unavailable.zibal"
    assert payer.count_rows("payment_attempt", "state = 'failed_to_start'") == 1


def who_comes_back_too_often_is_told_so(served: Served) -> None:
    with served.client() as browser:
        answers = [browser.get(routes.PAY_RETURN) for _ in range(int(CALLBACKS_AT_ONCE) + 5)]
    assert answers[-1].status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert all(is_human(answer) for answer in answers)
