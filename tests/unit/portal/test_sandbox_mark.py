"""A page says before its first paint whether payments are real."""

import asyncio

import httpx
import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp

from backend.config import settings
from portal.http.headers import SecurityHeaders


def told(answer: Response, cookie: str = "") -> str:
    """The cookie that comes with an answer."""

    async def within(app: ASGIApp) -> str:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://portal") as browser:
            found = await browser.get("/usage", headers={"cookie": cookie})
            return found.headers.get("set-cookie", "")

    return asyncio.run(within(SecurityHeaders(answer)))


@pytest.mark.parametrize(
    ("merchant", "cookie", "expected"),
    [
        pytest.param("zibal", "", "play=yes; Path=/; Max-Age=31536000; SameSite=Lax", id="the sandbox"),
        pytest.param("zibal", "play=yes", "", id="known already"),
        pytest.param("65c3a1", "", "", id="real money"),
        pytest.param(
            "65c3a1", "play=yes", "play=yes; Path=/; Max-Age=0; SameSite=Lax", id="real money from now on"
        ),
    ],
)
def test_a_page_says_that_the_gateway_is_the_sandbox(
    monkeypatch: pytest.MonkeyPatch, merchant: str, cookie: str, expected: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@db/x")
    monkeypatch.setenv("ZIBAL_MERCHANT", merchant)
    settings.cache_clear()

    assert told(HTMLResponse("page"), cookie) == expected
    assert told(JSONResponse({}), cookie) == ""
