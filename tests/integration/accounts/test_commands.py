"""``python -m backend.accounts``, as a person at a terminal uses it."""

import os
import subprocess
import sys

import pytest

from backend.accounts import service
from backend.accounts.__main__ import main
from backend.actor import Role
from backend.errors import SignInFailed
from backend.i18n import catalog as sentences
from tests import factories


def run(*arguments: str, typed: str = "", database: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backend.accounts", *arguments],
        input=typed,
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "DATABASE_URL": database},
    )


def create(*more: str, typed: str = "", database: str) -> subprocess.CompletedProcess[str]:
    wanted = ("--email", "op@docuchat.example", "--name", "رضا کریمی", *more)
    return run("create-user", *wanted, typed=typed, database=database)


def sign_in(password: str) -> Role | None:
    signed_in = service.sign_in("op@docuchat.example", password, address="", user_agent="")
    return signed_in.session.actor.role


def test_a_piped_password_opens_the_new_account_and_is_not_repeated(database: str) -> None:
    done = create("--role", "operator", typed="a piped password\n", database=database)

    assert done.returncode == 0, done.stderr
    assert "op@docuchat.example" in done.stdout
    assert "a piped password" not in done.stdout + done.stderr
    assert sign_in("a piped password") == Role.OPERATOR


def test_without_a_password_one_is_made_up_and_printed_once(database: str) -> None:
    done = create("--role", "auditor", database=database)

    password = done.stdout.strip().rpartition(": ")[2]
    assert sign_in(password) == Role.AUDITOR
    assert (done.stdout + done.stderr).count(password) == 1


def test_a_tenants_user_is_created_by_the_tenants_label(database: str) -> None:
    tenant = factories.tenant("acme")

    assert (
        create("--role", "tenant_admin", "--tenant", "acme", "--language", "en", database=database).returncode
        == 0
    )

    [user] = service.users(factories.PROCESS, tenant.id)
    assert (user.email, user.language, user.name) == ("op@docuchat.example", "en", "رضا کریمی")


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (("--role", "tenant_admin", "--tenant", "nobody"), "", "No company has this label"),
        (("--role", "tenant_admin"), "", "Customer roles need a company"),
        (("--role", "operator"), "short\n", "at least 10 characters"),
    ],
    ids=["unknown tenant", "no tenant", "short password"],
)
def test_a_refusal_is_one_sentence_and_exit_code_1(
    database: str, arguments: tuple[str, ...], typed: str, said: str
) -> None:
    done = create(*arguments, typed=typed, database=database)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert service.users(factories.PROCESS) == []


def test_no_command_takes_a_password_as_an_argument(database: str) -> None:
    done = create("--role", "operator", "--password", "a long password", database=database)

    assert done.returncode == 2
    assert service.users(factories.PROCESS) == []


def test_a_missing_setting_is_named(database: str) -> None:
    done = run("list-users", database="nonsense")

    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr


def test_a_database_that_is_away_is_one_sentence(database: str) -> None:
    done = run("list-users", database="postgresql://nobody@127.0.0.1:1/none")

    assert done.returncode == 1
    assert done.stderr == sentences.text("error.database_cause.refused", "en") + "\n"
    assert "Traceback" not in done.stderr


def test_users_are_listed_disabled_enabled_and_get_new_passwords(
    database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = factories.user(tenant_id=factories.tenant("acme").id)
    factories.user(Role.OPERATOR)

    assert main(["disable-user", "--email", someone.email]) == 0
    capsys.readouterr()
    assert main(["list-users", "--tenant", "acme"]) == 0
    assert capsys.readouterr().out == f"{someone.email}\ttenant_admin\tdisabled\tسارا احمدی\n"
    with pytest.raises(SignInFailed):
        factories.signed_in(someone)

    assert main(["enable-user", "--email", someone.email]) == 0
    assert factories.signed_in(someone)
    assert main(["list-users"]) == 0
    assert capsys.readouterr().out.count("enabled\t") == 2
    assert main(["disable-user", "--email", "nobody@people.example"]) == 1
    assert "Nobody has an account" in capsys.readouterr().err


def test_a_password_can_be_reset_from_the_terminal(database: str) -> None:
    someone = factories.user(email="op@docuchat.example", role=Role.OPERATOR)

    done = run("reset-password", "--email", someone.email, typed="a fresh password\n", database=database)

    assert done.returncode == 0, done.stderr
    assert sign_in("a fresh password") == Role.OPERATOR
