"""The session's cookie is found among whatever else a browser sends."""

import asyncio
from collections.abc import Callable, Iterator

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


class Database:
    """What the database says of a token, and how often it was asked. The hook runs while it is at work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: str | None = "alive"
        self.visits: list[bool] = []
        self.while_at_work: Callable[[], None] = lambda: None
        session.forget_everybody()
        monkeypatch.setattr(session.bridge, "call", self._call)

    async def _call(self, _work: object, _token: str, *, notes_visit: bool = True) -> str | None:
        self.visits.append(notes_visit)
        answer = self.answer
        self.while_at_work()
        return answer


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    return Database(monkeypatch)


@pytest.mark.parametrize(
    "forget",
    [
        pytest.param(lambda: session.forget(TOKEN), id="signed out"),
        pytest.param(session.forget_everybody, id="revoked"),
    ],
)
def test_an_answer_that_is_older_than_a_revocation_is_not_kept(
    database: Database, forget: Callable[[], None]
) -> None:
    def revoke() -> None:
        database.answer = None
        forget()

    database.while_at_work = revoke

    answers = [asyncio.run(session.session_of(TOKEN)) for _ in range(2)]

    assert answers[1] is None
    assert len(database.visits) == 2


def test_an_answer_is_kept_for_a_while(database: Database) -> None:
    for _ in range(3):
        asyncio.run(session.session_of(TOKEN))

    assert database.visits == [True]


def test_a_question_that_is_no_visit_takes_none_away_from_the_next(database: Database) -> None:
    for notes_visit in (False, False, True, False, True):
        asyncio.run(session.session_of(TOKEN, notes_visit=notes_visit))

    assert database.visits == [False, True]
