"""A gateway that is dead, slow or lying: the client says so in time and never makes an outcome of it."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.clients import http
from backend.clients.zibal import (
    GatewayResult,
    GatewayStatus,
    SessionOpened,
    SessionRefused,
    TrackId,
    ZibalGateway,
)
from backend.errors import Unavailable
from backend.money import Rial
from backend.sandbox.kubernetes.tls import certificate_in
from backend.sandbox.processes import free_port
from backend.sandbox.serving import serving
from backend.sandbox.zibal.driver import Driver

Opener = Callable[..., TrackId]
CALLBACK = "https://portal.docuchat.example/return"
# A second and what a busy machine adds; whoever waited for the answers of these tests would need five at least.
PATIENCE_S = 4


@pytest.fixture
def hasty(zibal: Driver) -> Iterator[ZibalGateway]:
    """A client that waits a second, no longer."""
    gateway = ZibalGateway(zibal.url, "zibal", timeout_s=1)
    yield gateway
    gateway.close()


TROUBLE = [
    pytest.param({"kind": "drop"}, "connection", id="dropped"),
    pytest.param({"kind": "drop", "after": True}, "connection", id="dropped-after"),
    pytest.param({"kind": "http_error", "value": 503}, "status", id="503"),
    pytest.param({"kind": "http_error", "value": 500, "after": True}, "status", id="500-after"),
    pytest.param({"kind": "http_error", "value": 302}, "status", id="redirect"),
    pytest.param({"kind": "html"}, "unreadable", id="html"),
    pytest.param({"kind": "without", "value": ["result"]}, "unreadable", id="no-result"),
    pytest.param({"kind": "fields", "value": {"result": None}}, "unreadable", id="null-result"),
    pytest.param({"kind": "fields", "value": {"result": True}}, "unreadable", id="boolean-result"),
    pytest.param({"kind": "fields", "value": {"result": [100]}}, "unreadable", id="list-result"),
    pytest.param({"kind": "delay", "value": 5}, "timeout", id="slow"),
    pytest.param({"kind": "drip", "value": 0.2}, "timeout", id="dripping"),
]


@pytest.mark.parametrize(("fault", "cause"), TROUBLE)
def test_trouble_is_unavailable_for_every_call_and_ends_in_time(
    zibal: Driver, hasty: ZibalGateway, open_session: Opener, fault: dict[str, Any], cause: str
) -> None:
    track_id = open_session()
    calls: dict[str, Callable[[], object]] = {
        "request": lambda: hasty.open_session(amount_rial=Rial(20_000), callback_url=CALLBACK, order_id="o"),
        "verify": lambda: hasty.verify(track_id),
        "inquiry": lambda: hasty.inquire(track_id),
    }
    for point, call in calls.items():
        zibal.fault(point, **fault)
        began = time.monotonic()

        with pytest.raises(Unavailable) as caught:
            call()

        assert (caught.value.data["service"], caught.value.data["cause"]) == ("zibal", cause)
        assert time.monotonic() - began < PATIENCE_S


@pytest.mark.parametrize("kind", ["drop", "http_error", "html"])
@pytest.mark.parametrize("point", ["verify", "inquiry"])
def test_trouble_that_passes_is_not_even_noticed(
    zibal: Driver, client: ZibalGateway, open_session: Opener, point: str, kind: str
) -> None:
    track_id = open_session()
    zibal.pay(track_id)
    zibal.fault(point, kind, times=2)

    report = client.verify(track_id) if point == "verify" else client.inquire(track_id)

    assert report.result is GatewayResult.OK
    assert len(zibal.calls(point, track_id)) == 3


def test_asking_again_ends_after_three_tries(
    zibal: Driver, client: ZibalGateway, open_session: Opener
) -> None:
    track_id = open_session()
    zibal.fault("inquiry", "drop")

    with pytest.raises(Unavailable):
        client.inquire(track_id)

    assert len(zibal.calls("inquiry", track_id)) == 3


def test_a_lost_answer_of_request_is_not_asked_again(zibal: Driver, client: ZibalGateway) -> None:
    zibal.fault("request", "drop", after=True)

    with pytest.raises(Unavailable):
        client.open_session(amount_rial=Rial(20_000), callback_url=CALLBACK, order_id="lost")

    assert [session["order_id"] for session in zibal.sessions()] == ["lost"]


def test_a_lost_answer_of_verify_ends_as_already_verified(
    zibal: Driver, client: ZibalGateway, open_session: Opener
) -> None:
    track_id = open_session()
    zibal.pay(track_id)
    zibal.fault("verify", "drop", after=True, times=1)

    report = client.verify(track_id)

    assert (report.result, report.amount_rial) == (GatewayResult.ALREADY_VERIFIED, None)
    assert client.inquire(track_id).status is GatewayStatus.PAID_VERIFIED


def test_a_dropped_verify_without_effect_leaves_the_money_unverified(
    zibal: Driver, hasty: ZibalGateway, client: ZibalGateway, open_session: Opener
) -> None:
    track_id = open_session()
    zibal.pay(track_id)
    number = zibal.fault("verify", "drop")

    with pytest.raises(Unavailable):
        hasty.verify(track_id)

    zibal.heal(number)
    assert client.inquire(track_id).status is GatewayStatus.PAID_UNVERIFIED
    assert client.verify(track_id).result is GatewayResult.OK


@pytest.mark.parametrize("track_id", [None, "x", -5, 0.5, True, 2**63, "", {"a": 1}])
def test_a_success_without_a_usable_track_id_opened_nothing(
    zibal: Driver, client: ZibalGateway, track_id: object
) -> None:
    zibal.fault("request", "fields", {"trackId": track_id})

    with pytest.raises(Unavailable) as caught:
        client.open_session(amount_rial=Rial(20_000), callback_url=CALLBACK, order_id="o")

    assert caught.value.data["cause"] == "unreadable"


@pytest.mark.parametrize("code", [0, -7, 99, 117, 204, 999])
def test_an_unknown_result_is_neither_success_nor_a_known_refusal(
    zibal: Driver, client: ZibalGateway, open_session: Opener, code: int
) -> None:
    track_id = open_session()
    for point in ("request", "verify", "inquiry"):
        zibal.fault(point, "result", code)

    opened = client.open_session(amount_rial=Rial(20_000), callback_url=CALLBACK, order_id="o")
    reports = [client.verify(track_id), client.inquire(track_id)]

    assert isinstance(opened, SessionRefused)
    assert (opened.result, opened.result_code) == (GatewayResult.UNKNOWN, code)
    assert [(one.result, one.result_code) for one in reports] == [(GatewayResult.UNKNOWN, code)] * 2


@pytest.mark.parametrize("status", [0, 13, 14, 17, 19, 20, 22, 100, -3, -100, "paid", 1.0, True, [], {}])
def test_an_unknown_status_is_neither_paid_nor_failed(
    zibal: Driver, client: ZibalGateway, open_session: Opener, status: object
) -> None:
    track_id = open_session()
    zibal.fault("inquiry", "status", status)

    assert client.inquire(track_id).status is GatewayStatus.UNKNOWN


def test_lies_about_amount_and_order_reach_the_caller_as_told(
    zibal: Driver, client: ZibalGateway, open_session: Opener
) -> None:
    track_id = open_session(order_id="mine")
    open_session(order_id="theirs")
    zibal.pay(track_id)
    for point in ("verify", "inquiry"):
        zibal.fault(point, "wrong_amount")
        zibal.fault(point, "swapped_order")

    reports = [client.inquire(track_id), client.verify(track_id)]

    assert [(one.amount_rial, one.order_id) for one in reports] == [(2_000, "theirs")] * 2


@pytest.mark.parametrize("point", ["verify", "inquiry"])
def test_fields_that_are_missing_are_absent_and_nothing_else(
    zibal: Driver, client: ZibalGateway, open_session: Opener, point: str
) -> None:
    track_id = open_session()
    zibal.pay(track_id)
    zibal.fault(
        point, "without", ["status", "amount", "orderId", "refNumber", "cardNumber", "paidAt", "message"]
    )

    report = client.verify(track_id) if point == "verify" else client.inquire(track_id)

    assert report.result is GatewayResult.OK
    assert (report.status, report.amount_rial, report.order_id, report.paid_at) == (None, None, None, None)


def test_nobody_at_the_port_is_unavailable() -> None:
    client = ZibalGateway(f"http://127.0.0.1:{free_port()}", "zibal", timeout_s=2)

    with pytest.raises(Unavailable) as caught:
        client.open_session(amount_rial=Rial(20_000), callback_url=CALLBACK, order_id="o")
    client.close()

    assert caught.value.data["cause"] == "connection"


def test_a_gateway_without_a_trusted_certificate_is_not_spoken_with(tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def listen(request: Request) -> Response:
        heard.append(await request.body())
        return Response(b"{}")

    app, port = Starlette(routes=[Route("/{path:path}", listen, methods=["POST"])]), free_port()
    with serving(app, port, tls=certificate_in(tmp_path)):
        client = ZibalGateway(f"https://127.0.0.1:{port}", "zibal", timeout_s=2)
        with pytest.raises(Unavailable) as caught:
            client.inquire(TrackId(1))
        client.close()

    assert caught.value.data["cause"] == "certificate"
    assert heard == []


def test_headers_that_only_drip_end_in_time_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_drip_headers, args=(listener,), daemon=True).start()
        client = ZibalGateway(f"http://127.0.0.1:{listener.getsockname()[1]}", "zibal", timeout_s=1)
        began = time.monotonic()

        with pytest.raises(Unavailable) as caught:
            client.open_session(amount_rial=Rial(20_000), callback_url=CALLBACK, order_id="o")
        client.close()

    assert caught.value.data["cause"] == "timeout"
    assert time.monotonic() - began < PATIENCE_S


def _drip_headers(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        try:
            for byte in b"HTTP/1.1 200 OK\r\nx-slow: " + b"a" * 200:
                connection.sendall(bytes([byte]))
                time.sleep(0.05)
        except OSError:
            return


def test_an_endless_answer_is_cut(zibal: Driver, client: ZibalGateway, open_session: Opener) -> None:
    track_id = open_session()
    zibal.fault("inquiry", "fields", {"description": "x" * 300_000})

    with pytest.raises(Unavailable) as caught:
        client.inquire(track_id)

    assert caught.value.data["cause"] == "oversize"


def test_connections_survive_a_restart_of_the_gateway(zibal: Driver, client: ZibalGateway) -> None:
    zibal.fault("request", "drop", times=1)
    with pytest.raises(Unavailable):
        client.open_session(amount_rial=Rial(20_000), callback_url=CALLBACK, order_id="o")

    opened = client.open_session(amount_rial=Rial(20_000), callback_url=CALLBACK, order_id="o")

    assert isinstance(opened, SessionOpened)


@pytest.mark.parametrize(("idle_s", "connections"), [(15.0, 1), (0.05, 2)])
def test_a_connection_that_lay_idle_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch, idle_s: float, connections: int
) -> None:
    """A firewall forgets an idle connection without a word, and the next question would meet silence."""
    assert http.IDLE_S == 15
    monkeypatch.setattr(http, "IDLE_S", idle_s)
    ports: set[int] = set()

    async def listen(request: Request) -> Response:
        assert request.client is not None
        ports.add(request.client.port)
        return Response(b'{"result": 203}')

    app, port = Starlette(routes=[Route("/{path:path}", listen, methods=["POST"])]), free_port()
    with serving(app, port) as url:
        client = ZibalGateway(url, "zibal", timeout_s=2)
        client.inquire(TrackId(1))
        time.sleep(0.2)
        client.inquire(TrackId(1))
        client.close()

    assert len(ports) == connections
