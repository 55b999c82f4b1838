"""What every answer tells a browser, where people come by TLS and where they do not."""

import asyncio

import httpx
import pytest
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp

from backend.config import settings
from portal.http.headers import SecurityHeaders


def answered(monkeypatch: pytest.MonkeyPatch, public_url: str, answer: Response) -> httpx.Headers:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@db/x")
    monkeypatch.setenv("PUBLIC_URL", public_url)
    settings.cache_clear()

    async def within(app: ASGIApp) -> httpx.Headers:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=public_url) as browser:
            return (await browser.get("/usage")).headers

    return asyncio.run(within(SecurityHeaders(answer)))


@pytest.mark.parametrize("answer", [HTMLResponse("x"), PlainTextResponse("x")], ids=["page", "text"])
def test_by_tls_a_browser_is_told_never_to_come_without_it(
    monkeypatch: pytest.MonkeyPatch, answer: Response
) -> None:
    headers = answered(monkeypatch, "https://portal.example.ir", answer)

    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_without_tls_nothing_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = answered(monkeypatch, "http://127.0.0.1:8000", HTMLResponse("x"))

    assert "strict-transport-security" not in headers


@pytest.mark.parametrize(
    ("public_url", "socket"),
    [
        ("https://portal.example.ir", "wss://portal.example.ir"),
        ("http://127.0.0.1:8000", "ws://127.0.0.1:8000"),
    ],
)
def test_a_page_connects_to_its_own_socket_alone(
    monkeypatch: pytest.MonkeyPatch, public_url: str, socket: str
) -> None:
    policy = answered(monkeypatch, public_url, HTMLResponse("x"))["content-security-policy"]

    assert f"connect-src 'self' {socket};" in policy


def test_a_file_that_is_opened_by_itself_may_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = answered(monkeypatch, "http://127.0.0.1:8000", PlainTextResponse("x"))

    assert headers["content-security-policy"].startswith("default-src 'none';")
    assert headers["x-content-type-options"] == "nosniff"
