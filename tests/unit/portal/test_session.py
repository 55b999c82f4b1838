"""The session's cookie is found among whatever else a browser sends."""

from collections.abc import Iterator

import pytest

from backend.config import settings
from portal import session

TOKEN = "t" * 43


@pytest.fixture(autouse=True)
def some_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    monkeypatch.setenv("PUBLIC_URL", "http://127.0.0.1:8000")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", id="nothing"),
        pytest.param('a={"x":1}; ', id="JSON"),
        pytest.param("a[b]=1; ", id="a name with brackets"),
        pytest.param("a,b=1; ", id="a name with a comma"),
        pytest.param("a b=1; ", id="a name with a space"),
        pytest.param("lonely; ", id="no value"),
        pytest.param("=nameless; ", id="no name"),
        pytest.param("; ;; ", id="nothing between semicolons"),
        pytest.param('a="open; ', id="a quote that never closes"),
        pytest.param("a=\u06a9\u0648\u06a9\u06cc; ", id="Persian"),
        pytest.param("expires=x; path=/; ", id="names of attributes"),
        pytest.param("$Version=1; ", id="an old version mark"),
    ],
)
def test_no_other_cookie_hides_the_session(before: str) -> None:
    assert session.token_in(f"{before}portal={TOKEN}; lang=en") == TOKEN
    assert session.cookies_in(f"{before}portal={TOKEN}; lang=en")["lang"] == "en"


def test_a_cookie_that_only_resembles_ours_is_not_ours() -> None:
    assert session.token_in(f"xportal={TOKEN}; portalx={TOKEN}; a=portal={TOKEN}") == ""


def test_a_huge_header_holds_no_cookie() -> None:
    assert session.cookies_in(f"portal={TOKEN}; a={'x' * 9_000}") == {}
