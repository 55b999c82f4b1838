import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, Router

from backend.telemetry.middleware import RequestTimer

METRIC = "http_request_duration_seconds_count"


async def _fine(request: Request) -> Response:
    return PlainTextResponse("fine")


async def _broken(request: Request) -> Response:
    raise RuntimeError("broken")


async def _silent(scope: object, receive: object, send: object) -> None:
    return None


async def _nothing(*message: object) -> Any:
    return None


@pytest.fixture
def prefix() -> str:
    # The counters are the process's own, so every test has routes of its own.
    return f"/{uuid4().hex}"


def _routes(prefix: str) -> list[Route | Mount]:
    inner = Router([Route("/lines/{line}", _fine)])
    return [
        Route(f"{prefix}/invoices/{{number:int}}", _fine, methods=["GET", "POST"]),
        Route(f"{prefix}/broken", _broken),
        Mount(f"{prefix}/orders/{{order}}", app=inner),
        Mount(f"{prefix}/inner", app=Starlette(routes=[Route("/things/{thing}", _fine)])),
        Mount(f"{prefix}/files", app=PlainTextResponse("file")),
        Mount(f"{prefix}/silent", app=_silent),
    ]


def _inside(prefix: str) -> Starlette:
    return Starlette(routes=_routes(prefix), middleware=[Middleware(RequestTimer)])


def _around(prefix: str) -> RequestTimer:
    return RequestTimer(Starlette(routes=_routes(prefix)))


def _ask(app: Starlette | RequestTimer, method: str, path: str) -> int:
    async def ask() -> int:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.request(method, path)).status_code

    return asyncio.run(ask())


def _count(method: str, route: str, status: str) -> float:
    labels = {"method": method, "route": route, "status": status}
    return REGISTRY.get_sample_value(METRIC, labels) or 0


def _routes_seen() -> set[str]:
    return {
        sample.labels["route"]
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == METRIC
    }


@pytest.mark.parametrize("build", [_inside, _around])
@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        pytest.param("GET", "/invoices/17", "/invoices/{number}", "200", id="parameter"),
        pytest.param("DELETE", "/invoices/17", "/invoices/{number}", "405", id="wrong method"),
        pytest.param("GET", "/orders/9/lines/3", "/orders/{order}/lines/{line}", "200", id="mount"),
        pytest.param("GET", "/inner/things/x", "/inner/things/{thing}", "200", id="mounted application"),
        pytest.param("GET", "/files/a/b.js", "/files", "200", id="mount without routes"),
        pytest.param("GET", "/broken", "/broken", "500", id="failure"),
    ],
)
def test_a_request_is_counted_by_its_template(
    prefix: str, *, build: object, method: str, path: str, route: str, status: str
) -> None:
    assert callable(build)
    _ask(build(prefix), method, prefix + path)

    seen = {name.replace(":int", "") for name in _routes_seen() if name.startswith(prefix)}
    assert seen == {prefix + route}
    (template,) = (name for name in _routes_seen() if name.startswith(prefix))
    assert _count(method, template, status) == 1


def test_unknown_paths_share_one_label(prefix: str) -> None:
    before = _count("GET", "unmatched", "404")

    for number in range(3):
        assert _ask(_inside(prefix), "GET", f"{prefix}/no/such/{number}") == 404

    assert _count("GET", "unmatched", "404") == before + 3
    assert not any(prefix in route for route in _routes_seen())


def test_an_invented_method_is_no_label_of_its_own(prefix: str) -> None:
    before = _count("OTHER", "unmatched", "404")

    _ask(_inside(prefix), "BREW", f"{prefix}/coffee")

    assert _count("OTHER", "unmatched", "404") == before + 1


def test_a_client_that_left_before_the_answer_is_499(prefix: str) -> None:
    scope = {"type": "http", "method": "GET", "path": f"{prefix}/silent/x", "headers": []}

    asyncio.run(_around(prefix)(scope, _nothing, _nothing))

    assert _count("GET", f"{prefix}/silent", "499") == 1


def test_a_stream_is_counted_once_at_its_beginning_and_its_length_is_not_timed(prefix: str) -> None:
    counted: list[float] = []

    async def lines() -> AsyncIterator[str]:
        for line in ("one", "two"):
            counted.append(_count("GET", f"{prefix}/log", "200"))
            yield line

    async def log(request: Request) -> Response:
        return StreamingResponse(lines(), media_type="text/event-stream")

    _ask(RequestTimer(Starlette(routes=[Route(f"{prefix}/log", log)])), "GET", f"{prefix}/log")

    assert [*counted, _count("GET", f"{prefix}/log", "200")] == [1, 1, 1]


def test_an_answer_of_known_length_is_timed_to_its_last_byte(prefix: str) -> None:
    counted: list[float] = []

    async def whole(scope: object, receive: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Length", b"3")]})
        counted.append(_count("GET", f"{prefix}/file", "200"))
        await send({"type": "http.response.body", "body": b"two"})

    _ask(RequestTimer(Starlette(routes=[Mount(f"{prefix}/file", app=whole)])), "GET", f"{prefix}/file/x")

    assert [*counted, _count("GET", f"{prefix}/file", "200")] == [0, 1]


def test_websockets_and_lifespan_pass_untouched() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: object, send: object) -> None:
        seen.append(scope["type"])

    timer = RequestTimer(app)
    for kind in ("websocket", "lifespan"):
        asyncio.run(timer({"type": kind}, _nothing, _nothing))

    assert seen == ["websocket", "lifespan"]
