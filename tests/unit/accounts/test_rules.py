"""Which addresses and passwords are accepted, who may create whom, and how long a failed sign-in must wait."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import mail_address
from backend.accounts import passwords, rules
from backend.accounts.common_passwords import COMMON_PASSWORDS
from backend.accounts.types import Failures, NewUser
from backend.actor import TENANT_ROLES, Actor, Role, TenantId
from backend.errors import Forbidden, Invalid, NotFound
from backend.i18n.catalog import LANGUAGES
from backend.i18n.errors import error_text
from tests import factories

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OURS, THEIRS = TenantId(uuid4()), TenantId(uuid4())
ADMIN = factories.actor(Role.TENANT_ADMIN, OURS)


def new_user(role: Role, tenant_id: TenantId | None) -> NewUser:
    return NewUser(email="a@b.example", name="A", password="long enough", role=role, tenant_id=tenant_id)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Sara@Example.COM", "sara@example.com"),
        ("  sara.ahmadi+bills@sub.example.ir ", "sara.ahmadi+bills@sub.example.ir"),
    ],
)
def test_an_address_has_one_stored_form(typed: str, stored: str) -> None:
    assert rules.checked_email(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "", "sara", "sara@", "@example.com", "sara@example", "sa ra@example.com", "sara@exa_mple.com",
        "sara@example.com\r\nBcc: x@y.z", "sara@@example.com", "سارا@example.com", "s@-a.com", ".s@a.com",
        "s\0@a.com", "a@b.c", f"{'a' * 250}@b.example",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.checked_email(typed)

    assert refused.value.data["field"] == "email"


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        pytest.param("", "password_too_short", id="empty"),
        pytest.param("nine char", "password_too_short", id="one too few"),
        pytest.param("x" * 201, "password_too_long", id="too long"),
        pytest.param("aaaaaaaaaaaa", "password_too_simple", id="one letter"),
        pytest.param("Sara@Example.com", "password_too_simple", id="the address"),
    ],
)
def test_a_weak_password_is_refused_with_its_reason_in_both_languages(password: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.checked_password(password, "sara@example.com")

    assert refused.value.data["reason"] == reason
    said = {error_text(refused.value, lang) for lang in LANGUAGES}
    general = {error_text(Invalid(), lang) for lang in LANGUAGES}
    assert len(said) == 2
    assert not said & general


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("1234567890", id="counting up"),
        pytest.param("0987654321", id="counting down"),
        pytest.param("۱۲۳۴۵۶۷۸۹۰", id="counting in Persian digits"),
        pytest.param("24680246802", id="counting in twos"),
        pytest.param("ABCDEFGHIJ", id="the alphabet"),
        pytest.param("abcabcabcab", id="a repeated piece"),
        pytest.param("hello hello ", id="a repeated word"),
        pytest.param("Password123", id="a common word and digits"),
        pytest.param("  p@ssw0rd!!", id="a common word in disguise"),
        pytest.param("qwertyuiop", id="a row of keys"),
        pytest.param("ضصثقفغعهخح", id="a row of Persian keys"),
        pytest.param("1q2w3e4r5t", id="a pattern of keys"),
        pytest.param("docuchat2026", id="the product and a year"),
        pytest.param("DocuChat-۱۴۰۵", id="the product and a Persian year"),
        pytest.param("داکیوچت۱۴۰۵", id="the product in Persian"),
        pytest.param("sara.ahmadi", id="the name in the address"),
        pytest.param("Sara.Ahmadi123", id="the name in the address and digits"),
        pytest.param("sara.ahmadi@x", id="the beginning of the address"),
        pytest.param("sara.ahmadi@x.example1", id="the address and a digit"),
    ],
)
def test_the_first_guesses_of_every_list_are_refused(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.checked_password(password, "sara.ahmadi@x.example")

    assert refused.value.data["reason"] == "password_too_simple"


def test_every_common_password_is_refused_as_it_stands_and_with_digits() -> None:
    for word in COMMON_PASSWORDS:
        for password in (f"{word.upper()}0000000000", f"!{word}1234567890", word.ljust(10, "1")):
            with pytest.raises(Invalid):
                rules.checked_password(password, "sara@example.com")


@pytest.mark.parametrize(
    "password",
    [
        "ten chars!",
        "گذرواژهٔ بلند",
        "correct horse battery staple",
        "docuchat bills on monday",
        "sara likes tea",
        "abcabcabcx",
        "1234567809",
        "1357924680",
        "blueXYblue",
        "acegikmoqt",
        "7359018264",
    ],
)
def test_a_long_password_is_accepted(password: str) -> None:
    rules.checked_password(password, "sara@example.com")


def test_digits_are_no_guess_at_an_address_without_letters() -> None:
    rules.checked_password("7359018264", "2024@x.example")


@given(st.text(min_size=10, max_size=200))
def test_whatever_somebody_chooses_is_judged(password: str) -> None:
    with suppress(Invalid):
        rules.checked_password(password, "sara@example.com")


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 121, "a\0"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        rules.checked_name(name)


def test_a_persian_name_keeps_its_joiners() -> None:
    assert rules.checked_name(" زهرا حسینی‌نژاد ") == "زهرا حسینی‌نژاد"


@given(st.text())
def test_whatever_somebody_types_can_be_counted(typed: str) -> None:
    name = rules.sign_in_name(typed)

    assert "\0" not in name
    assert len(name.encode()) <= 4 * mail_address.MAX_LENGTH * 3
    assert len(rules.token_digest(typed)) == 32


@pytest.mark.parametrize(
    ("count", "since_latest_s", "wait_s"),
    [
        pytest.param(4, 0, 0, id="free"),
        pytest.param(5, 0, 5, id="first wait"),
        pytest.param(5, 4, 1, id="a second left"),
        pytest.param(5, 5, 0, id="waited"),
        pytest.param(6, 0, 10, id="doubled"),
        pytest.param(9, 0, 80, id="doubled again"),
        pytest.param(13, 0, 900, id="longest"),
        pytest.param(5000, 0, 900, id="never longer"),
    ],
)
def test_waits_grow_with_each_failure(count: int, since_latest_s: int, wait_s: int) -> None:
    failures = Failures(count=count, latest=NOW - timedelta(seconds=since_latest_s))

    assert rules.wait(failures, 5, NOW) == timedelta(seconds=wait_s)


def test_who_never_failed_never_waits() -> None:
    assert rules.wait(Failures(count=0, latest=None), 5, NOW) == timedelta(0)


@pytest.mark.parametrize(("seconds", "shown"), [(0.2, 1), (1.0, 1), (4.01, 5)])
def test_a_wait_is_told_in_full_seconds_and_never_too_short(seconds: float, shown: int) -> None:
    assert rules.whole_seconds(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_one_line_is_one_address(address: str, group: str) -> None:
    assert rules.address_group(address) == group


def test_an_admin_adds_colleagues_only() -> None:
    for role in TENANT_ROLES:
        rules.require_may_create(ADMIN, new_user(role, OURS))
        with pytest.raises(NotFound):
            rules.require_may_create(ADMIN, new_user(role, THEIRS))
    for role in set(Role) - TENANT_ROLES:
        with pytest.raises(Forbidden):
            rules.require_may_create(ADMIN, new_user(role, None))
        with pytest.raises(Forbidden):
            rules.require_may_create(ADMIN, new_user(role, OURS))


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.TENANT_ADMIN}))
def test_nobody_else_adds_anybody(role: Role) -> None:
    with pytest.raises(Forbidden):
        rules.require_may_create(
            factories.actor(role, OURS if role in TENANT_ROLES else None), new_user(Role.TENANT_VIEWER, OURS)
        )


def test_a_process_adds_anybody() -> None:
    for role in Role:
        rules.require_may_create(Actor.process_named("cli"), new_user(role, None))


@pytest.mark.parametrize(
    ("role", "tenant_id", "fits"),
    [
        (Role.TENANT_VIEWER, OURS, True),
        (Role.TENANT_ADMIN, None, False),
        (Role.OPERATOR, None, True),
        (Role.AUDITOR, OURS, False),
    ],
)
def test_a_role_and_a_tenant_belong_together(role: Role, tenant_id: TenantId | None, fits: bool) -> None:
    if fits:
        rules.checked_belonging(role, tenant_id)
        return
    with pytest.raises(Invalid):
        rules.checked_belonging(role, tenant_id)


def test_a_hash_opens_with_its_password_only() -> None:
    password_hash = passwords.hash_of("correct horse")

    assert password_hash.startswith("$argon2id$")
    assert passwords.matches("correct horse", password_hash)
    assert not passwords.matches("correct house", password_hash)
    assert not passwords.matches("correct horse", None)
    assert not passwords.matches("correct horse", "no hash at all")
    assert not passwords.is_outdated(password_hash)


def test_the_same_letters_composed_differently_are_the_same_password() -> None:
    assert passwords.matches("cafe\u0301 au lait", passwords.hash_of("caf\u00e9 au lait"))


def test_a_secret_is_in_no_representation() -> None:
    assert "long enough" not in repr(new_user(Role.OPERATOR, None))
