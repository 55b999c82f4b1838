"""A page knows before its first paint that this is no production."""

import asyncio

import pytest
from starlette.responses import Response
from starlette.types import Message

from portal.http.environment_mark import EnvironmentMark
from tests.conftest import forget_caches
from tests.production import PRODUCTION


def cookie_set(accept: str, cookie: str) -> str:
    told: list[Message] = []

    async def keep(message: Message) -> None:
        told.append(message)

    async def nothing() -> Message:
        return {"type": "http.request"}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"accept", accept.encode()), (b"cookie", cookie.encode())],
    }
    asyncio.run(EnvironmentMark(Response("page", status_code=304))(scope, nothing, keep))
    return dict(told[0]["headers"]).get(b"set-cookie", b"").decode()


PAGE = "text/html,application/xhtml+xml"


@pytest.mark.parametrize(
    ("environment", "accept", "cookie", "expected"),
    [
        pytest.param({}, PAGE, "", "environment=development; Path=/; SameSite=Lax", id="told"),
        pytest.param({}, PAGE, "lang=fa; environment=development", "", id="told once"),
        pytest.param({}, "text/css", "", "", id="no page"),
        pytest.param(PRODUCTION, PAGE, "", "", id="production"),
        pytest.param(
            PRODUCTION, PAGE, "environment=development", "environment=; Path=/; Max-Age=0; SameSite=Lax",
            id="production where development was",
        ),
    ],
)  # fmt: skip
def test_pages_are_marked_in_development_alone(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], accept: str, cookie: str, expected: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1/x")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget_caches()

    set_cookie = cookie_set(accept, cookie)
    forget_caches()

    assert set_cookie == expected
