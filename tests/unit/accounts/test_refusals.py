"""Who is refused is told which field, and why."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from backend import mail_address
from backend.accounts import rules
from backend.accounts.types import SessionId, UserSession
from backend.actor import Actor, Role, TenantId, UserId
from backend.errors import Forbidden, Invalid, NotFound

OWN, OTHER = TenantId(UUID(int=1)), TenantId(UUID(int=2))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADMIN = Actor(name="a@acme.example", role=Role.TENANT_ADMIN, tenant_id=OWN, user_id=UserId(UUID(int=3)))
SESSION = UserSession(
    id=SessionId(UUID(int=4)),
    actor=ADMIN,
    email="a@acme.example",
    name="a",
    language="fa",
    theme="system",
    tenant_id=OWN,
    created_at=NOW,
    last_seen_at=NOW,
    expires_at=NOW + timedelta(hours=2),
    address="",
    user_agent="",
)


@pytest.mark.parametrize(
    ("check", "told"),
    [
        pytest.param(
            lambda: rules.checked_email("nobody"), {"field": "email", "reason": "email"}, id="address"
        ),
        pytest.param(
            lambda: rules.checked_name(""), {"field": "name", "reason": "name", "max_length": 120}, id="name"
        ),
        pytest.param(
            lambda: rules.checked_name("", "name_fa"),
            {"field": "name_fa", "reason": "name", "max_length": 120},
            id="a name of another field",
        ),
        pytest.param(
            lambda: rules.checked_password("a short one"[: rules.PASSWORD_MIN_LENGTH - 1], "a@acme.example"),
            {"field": "password", "reason": "password_too_short", "min_length": rules.PASSWORD_MIN_LENGTH},
            id="short password",
        ),
        pytest.param(
            lambda: rules.checked_password("long enough " * 200, "a@acme.example"),
            {"field": "password", "reason": "password_too_long", "max_length": rules.PASSWORD_MAX_LENGTH},
            id="long password",
        ),
        pytest.param(
            lambda: rules.checked_password("aaaaaaaaaaaaaaaa", "a@acme.example"),
            {"field": "password", "reason": "password_too_simple"},
            id="simple password",
        ),
        pytest.param(
            lambda: rules.checked_belonging(Role.OPERATOR, OWN),
            {"field": "tenant_id", "reason": "role_and_tenant"},
            id="a tenant's operator",
        ),
    ],
)
def test_a_refusal_names_field_and_reason(check: Callable[[], object], told: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refused:
        check()

    assert refused.value.data == told


def test_the_longest_password_is_accepted() -> None:
    longest = " ".join(str(number**3) for number in range(1000))[: rules.PASSWORD_MAX_LENGTH]

    rules.checked_password(longest, "a@acme.example")


def test_an_admin_manages_the_own_tenant_and_a_process_every_one() -> None:
    rules.require_manages(ADMIN, OWN)
    rules.require_manages(Actor.process_named("tests"), OTHER)

    with pytest.raises(NotFound):
        rules.require_manages(ADMIN, OTHER)
    with pytest.raises(NotFound):
        rules.require_manages(ADMIN, None)
    with pytest.raises(Forbidden):
        rules.require_manages(replace(ADMIN, role=Role.TENANT_VIEWER), OWN)


@pytest.mark.parametrize(
    ("group", "known", "is_known"),
    [
        ("10.0.0.1", ["10.0.0.2", "10.0.0.1"], True),
        ("10.0.0.1", ["10.0.0.2"], False),
        ("10.0.0.1", [], False),
        ("", [""], False),
    ],
)
def test_a_place_is_known_by_its_group_and_a_missing_one_never(
    group: str, known: list[str], is_known: bool
) -> None:
    assert rules.is_known_place(group, known) is is_known


IDLE = timedelta(hours=1)


@pytest.mark.parametrize(
    ("seconds", "is_alive"), [(0, True), (3599, True), (3600, False), (7199, False), (7200, False)]
)
def test_a_session_ends_after_its_idle_time(seconds: int, is_alive: bool) -> None:
    assert rules.is_alive(SESSION, NOW + timedelta(seconds=seconds), IDLE) is is_alive


@pytest.mark.parametrize(("seconds", "is_alive"), [(7199, True), (7200, False)])
def test_a_session_ends_in_any_case_at_its_end(seconds: int, is_alive: bool) -> None:
    now = NOW + timedelta(seconds=seconds)

    assert rules.is_alive(replace(SESSION, last_seen_at=now), now, IDLE) is is_alive


def test_a_visit_is_written_down_once_for_each_step() -> None:
    assert rules.is_worth_noting(SESSION, NOW + rules.SEEN_STEP)
    assert not rules.is_worth_noting(SESSION, NOW + rules.SEEN_STEP - timedelta(seconds=1))


def test_half_letters_are_hashed_like_any_other_text() -> None:
    """A browser can send half of a pair of UTF-16; it is no text, and yet a password or a cookie."""
    assert rules.password_bytes("\ud800") == b"\xed\xa0\x80"
    assert len(rules.token_digest("\ud800")) == 32


def test_an_address_that_cannot_be_read_is_counted_by_its_first_letters() -> None:
    assert rules.address_group("x" * 65) == rules.address_group("x" * 66) == "x" * 64


def test_whatever_was_typed_as_an_address_is_counted_in_small_letters_and_cut() -> None:
    assert rules.sign_in_name("NoBody") == "nobody"
    assert len(rules.sign_in_name("x" * 1000)) == mail_address.MAX_LENGTH
