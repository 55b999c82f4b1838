"""Where a request came from, whatever it claims."""

import pytest
from starlette.requests import Request

from backend.config import settings
from portal.http.forms import address_of


def request(*forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return Request({"type": "http", "headers": headers, "client": ("10.0.0.1", 1)})


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        pytest.param(0, ["203.0.113.9"], "10.0.0.1", id="no proxy is trusted"),
        pytest.param(1, ["203.0.113.9"], "203.0.113.9", id="one proxy"),
        pytest.param(1, ["6.6.6.6, 203.0.113.9"], "203.0.113.9", id="a claim in front"),
        pytest.param(1, ["6.6.6.6", "203.0.113.9"], "203.0.113.9", id="a claim in a line of its own"),
        pytest.param(2, ["6.6.6.6", "203.0.113.9", "10.0.0.2"], "203.0.113.9", id="two proxies"),
        pytest.param(2, ["203.0.113.9"], "10.0.0.1", id="past the proxies"),
        pytest.param(1, [], "10.0.0.1", id="nothing forwarded"),
    ],
)
def test_the_address_is_what_the_outermost_trusted_proxy_saw(
    monkeypatch: pytest.MonkeyPatch, hops: int, forwarded: list[str], expected: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1/x")
    monkeypatch.setenv("PROXY_HOPS", str(hops))
    settings.cache_clear()

    assert address_of(request(*forwarded)) == expected
    settings.cache_clear()
