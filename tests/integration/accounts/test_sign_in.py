"""Signing in: limited by account and by address, also for parallel guesses; a failure tells nothing."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from backend.accounts import rules, service
from backend.actor import Role
from backend.db.engine import read, transaction
from backend.errors import AppError, Forbidden, Invalid, SignInFailed, TooManyAttempts
from tests import factories

WRONG = "wrong password"


def attempt(email: str, password: str = WRONG, address: str = "203.0.113.1") -> str:
    """The class of what came of it."""
    try:
        service.sign_in(email, password, address=address, user_agent="tests")
    except AppError as refused:
        return refused.code
    return "signed in"


def let_time_pass(interval: str) -> None:
    with transaction() as connection:
        connection.execute(text(f"UPDATE sign_in_attempt SET at = at - interval '{interval}'"))


def failures() -> int:
    with read() as connection:
        return connection.scalar(text("SELECT count(*) FROM sign_in_attempt")) or 0


@pytest.mark.parametrize(
    "email", ["nobody@people.example", "", "no address", "x" * 5000, "a\0b\ud800@c.example", "' OR 1=1 --"]
)
def test_an_unknown_address_fails_like_a_wrong_password(database: str, email: str) -> None:
    someone = factories.user()

    assert attempt(email) == attempt(someone.email) == "sign_in_failed"


def test_a_broken_password_fails_and_does_not_crash(database: str) -> None:
    assert attempt(factories.user().email, "\ud800\0" * 100) == "sign_in_failed"


def test_a_failure_takes_as_long_whether_the_account_exists_or_not(database: str) -> None:
    someone, disabled = factories.user(), factories.user()
    service.disable_user(factories.PROCESS, disabled.id)

    def median(email: str, password: str) -> float:
        times = []
        for _ in range(5):
            let_time_pass("1 hour")
            # The processor's time: what else the machine does must not count.
            started = time.process_time()
            assert attempt(email, password) == "sign_in_failed"
            times.append(time.process_time() - started)
        return statistics.median(times)

    known = median(someone.email, WRONG)

    assert 0.4 < median("nobody@people.example", WRONG) / known < 2.5
    assert 0.4 < median(disabled.email, factories.PASSWORD) / known < 2.5


def test_after_five_failures_an_account_must_wait_even_with_the_right_password(database: str) -> None:
    someone = factories.user()
    for number in range(rules.ACCOUNT_FREE_FAILURES):
        assert attempt(someone.email, address=f"203.0.113.{number}") == "sign_in_failed"

    with pytest.raises(TooManyAttempts) as refused:
        service.sign_in(someone.email, factories.PASSWORD, address="198.51.100.1", user_agent="")

    assert 1 <= int(refused.value.data["wait_s"]) <= 5
    let_time_pass("5 seconds")
    assert attempt(someone.email, factories.PASSWORD) == "signed in"


@pytest.mark.parametrize(
    ("home", "back"),
    [
        pytest.param("198.51.100.1", "198.51.100.1", id="the same address"),
        pytest.param("2001:db8:1:2::9", "2001:db8:1:2:ffff::1", id="the same network"),
        pytest.param("::ffff:198.51.100.1", "198.51.100.1", id="the same address in other words"),
    ],
)
def test_guesses_from_elsewhere_do_not_keep_the_owner_out_of_a_place_where_they_signed_in(
    database: str, home: str, back: str
) -> None:
    someone = factories.user()
    assert attempt(someone.email, factories.PASSWORD, home) == "signed in"
    for _ in range(5):
        attempt(someone.email, address="203.0.113.9")

    assert attempt(someone.email, factories.PASSWORD, "192.0.2.1") == "too_many_attempts"
    assert attempt(someone.email, factories.PASSWORD, back) == "signed in"


def test_a_known_place_waits_for_its_own_failures(database: str) -> None:
    someone = factories.user()
    assert attempt(someone.email, factories.PASSWORD, "198.51.100.1") == "signed in"
    assert [attempt(someone.email, address="198.51.100.1") for _ in range(5)] == ["sign_in_failed"] * 5

    for wait_s in (5, 10):
        with pytest.raises(TooManyAttempts) as refused:
            service.sign_in(someone.email, factories.PASSWORD, address="198.51.100.1", user_agent="")

        assert refused.value.data["wait_s"] == wait_s
        let_time_pass(f"{wait_s} seconds")
        assert attempt(someone.email, address="198.51.100.1") == "sign_in_failed"


def test_a_place_is_known_for_thirty_days_and_to_its_own_account_only(database: str) -> None:
    someone, other = factories.user(), factories.user()
    for email in (someone.email, other.email):
        for number in range(5):
            attempt(email, address=f"203.0.113.{number}")
    let_time_pass("5 seconds")
    assert attempt(someone.email, factories.PASSWORD, "198.51.100.1") == "signed in"
    for number in range(5):
        attempt(someone.email, address=f"203.0.113.{number}")

    assert attempt(other.email, WRONG, "198.51.100.2") == "sign_in_failed"
    assert attempt(other.email, factories.PASSWORD, "198.51.100.1") == "too_many_attempts"
    assert attempt(someone.email, factories.PASSWORD, "198.51.100.1") == "signed in"
    for number in range(5):
        attempt(someone.email, address=f"203.0.113.{number}")
    with transaction() as connection:
        connection.execute(text("UPDATE user_session SET created_at = created_at - interval '30 days'"))
    assert attempt(someone.email, factories.PASSWORD, "198.51.100.1") == "too_many_attempts"


def test_guesses_from_elsewhere_do_not_keep_an_open_session_from_changing_the_password(database: str) -> None:
    someone = factories.user()
    for _ in range(5):
        attempt(someone.email, address="203.0.113.9")

    service.change_password(someone.actor, factories.PASSWORD, "another long one")

    assert attempt(someone.email, "another long one") == "signed in"


def test_an_unknown_account_must_wait_as_well(database: str) -> None:
    outcomes = [attempt("nobody@people.example") for _ in range(6)]

    assert outcomes == ["sign_in_failed"] * 5 + ["too_many_attempts"]


def test_waits_grow_and_refused_attempts_do_not_prolong_them(database: str) -> None:
    someone = factories.user()
    waits = []
    for _ in range(5):
        attempt(someone.email)
    for _ in range(4):
        for _ in range(3):
            with pytest.raises(TooManyAttempts) as refused:
                service.sign_in(someone.email, WRONG, address="", user_agent="")
        waits.append(int(refused.value.data["wait_s"]))
        let_time_pass(f"{waits[-1]} seconds")
        assert attempt(someone.email, address="") == "sign_in_failed"

    assert waits == [5, 10, 20, 40]


def test_success_forgets_the_failures_of_the_account(database: str) -> None:
    someone = factories.user()
    for _ in range(4):
        attempt(someone.email)

    assert attempt(someone.email, factories.PASSWORD) == "signed in"

    assert failures() == 0
    assert [attempt(someone.email) for _ in range(5)] == ["sign_in_failed"] * 5


def test_failures_are_forgotten_after_a_day(database: str) -> None:
    someone = factories.user()
    for _ in range(5):
        attempt(someone.email)

    let_time_pass("24 hours 1 second")

    assert [attempt(someone.email) for _ in range(5)] == ["sign_in_failed"] * 5


def test_one_address_that_tries_many_accounts_must_wait_and_others_need_not(database: str) -> None:
    someone = factories.user()
    with transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO sign_in_attempt (email, address, at)"
                " SELECT 'user-' || n, '203.0.113.7', now() FROM generate_series(1, :n) n"
            ),
            {"n": rules.ADDRESS_FREE_FAILURES},
        )

    assert attempt(someone.email, factories.PASSWORD, "203.0.113.7") == "too_many_attempts"
    assert attempt(someone.email, factories.PASSWORD, "203.0.113.8") == "signed in"


def test_an_own_account_does_not_wash_an_address_clean(database: str) -> None:
    own = factories.user()
    for number in range(rules.ADDRESS_FREE_FAILURES - 1):
        with transaction() as connection:
            connection.execute(
                text(
                    "INSERT INTO sign_in_attempt (email, address, at) VALUES (:email, '203.0.113.1', now())"
                ),
                {"email": f"victim-{number}@people.example"},
            )

    assert attempt(own.email, factories.PASSWORD) == "signed in"

    assert attempt("victim-a@people.example") == "sign_in_failed"
    assert attempt("victim-b@people.example") == "too_many_attempts"


def test_neighbours_in_one_ipv6_network_share_a_limit(database: str) -> None:
    with suppress(AppError):
        service.sign_in("a@people.example", WRONG, address="2001:db8::1", user_agent="")

    with read() as connection:
        assert connection.scalar(text("SELECT address FROM sign_in_attempt")) == "2001:db8::/64"


def test_parallel_guesses_do_not_slip_past_the_limit(database: str) -> None:
    someone = factories.user()

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(
            pool.map(lambda number: attempt(someone.email, address=f"203.0.113.{number}"), range(36))
        )

    assert outcomes.count("sign_in_failed") == rules.ACCOUNT_FREE_FAILURES
    assert outcomes.count("too_many_attempts") == 36 - rules.ACCOUNT_FREE_FAILURES


def test_a_weaker_hash_is_renewed_at_the_next_sign_in(database: str) -> None:
    someone = factories.user()
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(factories.PASSWORD)
    with transaction() as connection:
        connection.execute(text("UPDATE user_account SET password_hash = :hash"), {"hash": weak})

    assert attempt(someone.email, factories.PASSWORD) == "signed in"

    with read() as connection:
        assert "m=47104" in str(connection.scalar(text("SELECT password_hash FROM user_account")))
    assert attempt(someone.email, factories.PASSWORD) == "signed in"


def test_changing_the_password_ends_the_other_sessions(database: str) -> None:
    someone = factories.user()
    here, elsewhere = factories.signed_in(someone), factories.signed_in(someone)

    renewed = service.change_password(
        someone.actor, factories.PASSWORD, "another long one", keep=here.session.id
    )

    session = service.session_of(renewed or "")
    assert session is not None
    assert session.id == here.session.id
    assert service.session_of(elsewhere.token) is None
    assert attempt(someone.email, factories.PASSWORD) == "sign_in_failed"
    assert attempt(someone.email, "another long one") == "signed in"


def test_a_copy_of_the_kept_sessions_token_opens_nothing_after_the_password_has_changed(
    database: str,
) -> None:
    someone = factories.user()
    here = factories.signed_in(someone)

    renewed = service.change_password(
        someone.actor, factories.PASSWORD, "another long one", keep=here.session.id
    )

    assert renewed not in {None, here.token}
    assert service.session_of(here.token) is None


def test_no_token_is_made_for_a_session_that_is_nobodys_or_anothers(database: str) -> None:
    someone, other = factories.user(), factories.signed_in(factories.user())
    ended = factories.signed_in(someone)
    service.sign_out(ended.token)

    passwords = (factories.PASSWORD, "another long one", "a third long one", "a fourth long one")
    for (old, new), keep in zip(pairwise(passwords), (None, ended.session.id, other.session.id), strict=True):
        assert service.change_password(someone.actor, old, new, keep=keep) is None

    assert service.session_of(ended.token) is None
    assert service.session_of(other.token) is not None


def test_whoever_sits_at_an_open_browser_cannot_guess_the_old_password_at_will(database: str) -> None:
    someone = factories.user(Role.OPERATOR)
    for _ in range(5):
        with pytest.raises(SignInFailed):
            service.change_password(someone.actor, WRONG, "another long one")

    with pytest.raises(TooManyAttempts):
        service.change_password(someone.actor, factories.PASSWORD, "another long one")


def test_a_short_new_password_is_refused_before_anything_is_counted(database: str) -> None:
    someone = factories.user()

    with pytest.raises(Invalid):
        service.change_password(someone.actor, factories.PASSWORD, "short")

    assert failures() == 0
    assert attempt(someone.email, factories.PASSWORD) == "signed in"


def test_a_password_that_changes_while_it_is_checked_opens_nothing(database: str) -> None:
    someone = factories.user()
    waits_for_lock = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

    with ThreadPoolExecutor(1) as pool, transaction() as connection:
        connection.execute(text("UPDATE user_account SET password_hash = 'another one'"))
        outcome = pool.submit(attempt, someone.email, factories.PASSWORD)
        deadline = time.monotonic() + 30
        while not connection.scalar(waits_for_lock):
            assert time.monotonic() < deadline, outcome
            connection.execute(text("SELECT pg_stat_clear_snapshot()"))

    assert outcome.result(30) == "sign_in_failed"
    assert service.sessions(someone.actor).rows == []


def test_a_person_who_is_gone_changes_no_password(database: str) -> None:
    with pytest.raises(Forbidden):
        service.change_password(factories.actor(Role.OPERATOR), factories.PASSWORD, "another long one")
