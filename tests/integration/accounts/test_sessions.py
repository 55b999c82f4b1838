"""Sessions: opaque, hashed, ended by idling, by age, by their owner, and by disabling the account."""

import pytest
from sqlalchemy import event, text

from backend.accounts import rules, service
from backend.accounts.types import SessionId
from backend.actor import Actor, Role
from backend.clock import utc_now
from backend.db.engine import engine, read, transaction
from backend.errors import Forbidden, Invalid, NotFound, SignInFailed
from tests import factories


def age_sessions(column: str, interval: str) -> None:
    with transaction() as connection:
        connection.execute(text(f"UPDATE user_session SET {column} = {column} - interval '{interval}'"))


def test_a_session_knows_who_sits_in_front_of_it(database: str) -> None:
    someone = factories.user(Role.TENANT_ADMIN, language="en")

    signed_in = service.sign_in(
        someone.email.upper(), factories.PASSWORD, address="203.0.113.9", user_agent="Firefox\n"
    )

    session = service.session_of(signed_in.token)
    assert session is not None
    assert session == signed_in.session
    assert session.actor == Actor(
        name=someone.email,
        role=Role.TENANT_ADMIN,
        user_id=someone.id,
        tenant_id=someone.tenant_id,
        language="en",
    )
    assert (session.name, session.address, session.user_agent) == ("سارا احمدی", "203.0.113.9", "Firefox")
    assert session.is_current


def test_what_a_browser_says_of_itself_is_cut_to_what_a_page_can_show(database: str) -> None:
    someone = factories.user()

    signed_in = service.sign_in(
        someone.email, factories.PASSWORD, address="1" * 99, user_agent="Firefox " * 99
    )

    session = service.session_of(signed_in.token)
    assert session is not None
    assert (len(session.address), len(session.user_agent)) == (64, 300)


def test_only_a_hash_of_the_token_is_stored(database: str) -> None:
    token = factories.signed_in(factories.user()).token

    with read() as connection:
        stored = connection.execute(text("SELECT s::text, u::text FROM user_session s, user_account u")).one()
    assert token not in str(stored)
    assert token.encode().hex() not in str(stored)
    assert factories.PASSWORD not in str(stored)


def test_only_the_newest_sessions_of_an_account_stay_open(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_SESSIONS", 2)
    someone, other = factories.user(), factories.user()
    others = factories.signed_in(other).token
    tokens = [factories.signed_in(someone).token for _ in range(4)]

    assert [service.session_of(token) is not None for token in tokens] == [False, False, True, True]
    assert service.session_of(others) is not None


def test_two_sign_ins_are_two_sessions_with_tokens_of_their_own(database: str) -> None:
    someone = factories.user()
    first, second = factories.signed_in(someone), factories.signed_in(someone)

    assert first.token != second.token
    service.sign_out(first.token)

    assert service.session_of(first.token) is None
    assert service.session_of(second.token) is not None


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\ud800" * 43, "\0" * 43, "a" * 100_000])
def test_a_made_up_token_opens_nothing(database: str, token: str) -> None:
    assert service.session_of(token) is None
    service.sign_out(token)


@pytest.mark.parametrize(
    ("column", "interval", "lives"),
    [
        pytest.param("last_seen_at", "11 hours 59 minutes", True, id="not yet idle for long"),
        pytest.param("last_seen_at", "12 hours 1 second", False, id="idle for too long"),
        pytest.param("expires_at", "13 days", True, id="not yet old"),
        pytest.param("expires_at", "14 days 1 second", False, id="too old"),
    ],
)
def test_a_session_ends_by_idling_and_by_age(database: str, column: str, interval: str, lives: bool) -> None:
    signed_in = factories.signed_in(factories.user())

    age_sessions(column, interval)

    assert (service.session_of(signed_in.token) is not None) == lives
    assert (service.sessions(signed_in.session.actor).rows != []) == lives


def test_a_visit_is_written_at_most_once_a_minute(database: str) -> None:
    token = factories.signed_in(factories.user()).token
    writes: list[str] = []
    event.listen(
        engine(),
        "before_cursor_execute",
        lambda *call: writes.append(call[2]) if call[2].startswith("UPDATE") else None,
    )

    service.session_of(token)
    assert writes == []
    age_sessions("last_seen_at", "61 seconds")
    writes.clear()
    service.session_of(token)
    service.session_of(token)

    assert len(writes) == 1
    session = service.session_of(token)
    assert session is not None
    assert (utc_now() - session.last_seen_at).total_seconds() < 30


def test_a_question_that_is_no_visit_leaves_the_session_idle(database: str) -> None:
    signed_in = factories.signed_in(factories.user())
    age_sessions("last_seen_at", "2 minutes")

    for _ in range(2):
        session = service.session_of(signed_in.token, notes_visit=False)
        assert session is not None
        assert (utc_now() - session.last_seen_at).total_seconds() > 100


def test_a_visit_does_not_make_a_session_live_longer_than_its_life(database: str) -> None:
    signed_in = factories.signed_in(factories.user())
    age_sessions("last_seen_at", "2 minutes")

    session = service.session_of(signed_in.token)

    assert session is not None
    assert session.expires_at == signed_in.session.expires_at


def test_a_session_is_found_by_one_indexed_query(database: str) -> None:
    token = factories.signed_in(factories.user()).token
    selects: list[str] = []
    event.listen(
        engine(),
        "before_cursor_execute",
        lambda *call: selects.append(call[2]) if call[2].startswith("SELECT") else None,
    )

    service.session_of(token)

    assert len(selects) == 1


def test_signing_out_everywhere_ends_every_session_of_this_person_only(database: str) -> None:
    someone, other = factories.user(), factories.user()
    mine = [factories.signed_in(someone) for _ in range(3)]
    others = factories.signed_in(other)

    assert service.sign_out_everywhere(someone.actor) == 3

    assert [service.session_of(one.token) for one in mine] == [None, None, None]
    assert service.session_of(others.token) is not None


def test_sessions_are_listed_and_this_one_is_marked(database: str) -> None:
    someone = factories.user()
    first, second = factories.signed_in(someone), factories.signed_in(someone)
    factories.signed_in(factories.user())

    listed = service.sessions(someone.actor, current=second.session.id).rows

    assert {session.id: session.is_current for session in listed} == {
        first.session.id: False,
        second.session.id: True,
    }


def test_a_person_ends_only_sessions_of_their_own(database: str) -> None:
    someone, other = factories.user(), factories.user()
    mine, theirs = factories.signed_in(someone), factories.signed_in(other)

    service.revoke(someone.actor, mine.session.id)

    assert service.session_of(mine.token) is None
    for session_id in (
        theirs.session.id,
        mine.session.id,
        SessionId(theirs.session.actor.user_id or other.id),
    ):
        with pytest.raises(NotFound):
            service.revoke(someone.actor, session_id)
    assert service.session_of(theirs.token) is not None


def test_disabling_an_account_ends_its_sessions_and_enabling_does_not_bring_them_back(database: str) -> None:
    someone = factories.user()
    signed_in = factories.signed_in(someone)

    service.disable_user(factories.PROCESS, someone.id)
    assert service.session_of(signed_in.token) is None
    with pytest.raises(SignInFailed):
        factories.signed_in(someone)

    service.enable_user(factories.PROCESS, someone.id)
    assert service.session_of(signed_in.token) is None
    assert factories.signed_in(someone)


def test_until_somebody_chooses_the_system_chooses_the_theme(database: str) -> None:
    assert factories.signed_in(factories.user()).session.theme == "system"


def test_language_and_theme_are_kept_per_user(database: str) -> None:
    someone = factories.user()

    service.set_language(someone.actor, "en")
    service.set_theme(someone.actor, "dark")

    session = service.session_of(factories.signed_in(someone).token)
    assert session is not None
    assert (session.language, session.theme, session.actor.language) == ("en", "dark", "en")
    for change, field in ((service.set_language, "language"), (service.set_theme, "theme")):
        with pytest.raises(Invalid) as refused:
            change(someone.actor, "klingon")  # type: ignore[arg-type, operator] # what a forged event would send
        assert refused.value.data["field"] == field


def test_nobody_but_a_person_has_sessions(database: str) -> None:
    for actor in (factories.PROCESS, Actor(name="stranger")):
        for refused in (
            lambda actor=actor: service.sessions(actor),
            lambda actor=actor: service.sign_out_everywhere(actor),
            lambda actor=actor: service.set_language(actor, "fa"),
            lambda actor=actor: service.set_theme(actor, "dark"),
            lambda actor=actor: service.change_password(actor, "old", "new"),
        ):
            with pytest.raises(Forbidden):
                refused()


def test_housekeeping_removes_only_what_has_ended_long_ago(database: str) -> None:
    someone = factories.user()
    alive = factories.signed_in(someone)
    with pytest.raises(SignInFailed):
        factories.signed_in(someone, "wrong password")
    assert service.purge_expired(factories.PROCESS, utc_now()).sessions == 0

    old = factories.signed_in(someone)
    with transaction() as connection:
        connection.execute(
            text("UPDATE user_session SET expires_at = now() - interval '31 days' WHERE id = :id"),
            {"id": old.session.id},
        )
        connection.execute(
            text(
                "INSERT INTO sign_in_attempt (email, address, at) VALUES ('a', 'b', now() - interval '25 hours')"
            )
        )

    purged = service.purge_expired(factories.PROCESS, utc_now())

    assert (purged.sessions, purged.attempts) == (1, 1)
    assert service.session_of(alive.token) is not None
    with pytest.raises(Forbidden):
        service.purge_expired(someone.actor, utc_now())
