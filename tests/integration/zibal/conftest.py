"""A stand-in for the test session, forgotten between tests; a shop that notes the callbacks it gets."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from backend.clients.zibal import SessionOpened, TrackId, ZibalGateway
from backend.money import Rial
from backend.sandbox.processes import free_port
from backend.sandbox.serving import serving
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.server import running

AMOUNT = Rial(20_000)


@pytest.fixture(scope="session")
def one_stand_in() -> Iterator[Driver]:
    with running() as driver:
        yield driver


@pytest.fixture
def zibal(one_stand_in: Driver) -> Driver:
    one_stand_in.reset()
    return one_stand_in


@pytest.fixture
def client(zibal: Driver) -> Iterator[ZibalGateway]:
    gateway = ZibalGateway(zibal.url, "zibal", timeout_s=5)
    yield gateway
    gateway.close()


@dataclass
class Shop:
    """A web server whose callback address notes what arrives, and how many came at the same time."""

    url: str
    seen: list[str] = field(default_factory=list)
    at_once: int = 0

    @property
    def callback_url(self) -> str:
        return f"{self.url}/pay/return?nonce=n-1&x=%D8%A2"


@pytest.fixture
def shop() -> Iterator[Shop]:
    port = free_port()
    it = Shop(f"http://127.0.0.1:{port}")
    with serving(Starlette(routes=[Route("/pay/return", _noting(it))]), port):
        yield it


def _noting(shop: Shop) -> Callable[[Request], Response]:
    inside: list[int] = []
    gate = threading.Condition()

    def note(request: Request) -> Response:
        with gate:
            shop.seen.append(request.url.query)
            inside.append(1)
            shop.at_once = max(shop.at_once, len(inside))
            gate.notify_all()
            # Callers that come one after the other never meet here; those that come at once do.
            gate.wait_for(lambda: len(inside) > 1, timeout=0.1)
        with gate:
            inside.pop()
        return PlainTextResponse("seen")

    return note


@pytest.fixture
def open_session(client: ZibalGateway) -> Callable[..., TrackId]:
    def open_one(callback_url: str = "http://127.0.0.1:1/return", order_id: str = "order-1") -> TrackId:
        opened = client.open_session(amount_rial=AMOUNT, callback_url=callback_url, order_id=order_id)
        assert isinstance(opened, SessionOpened)
        return opened.track_id

    return open_one
