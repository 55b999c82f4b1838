"""A run that is asked for from a terminal is the person's own, and is confirmed in the portal as every other."""

import io
import re
import sys
from uuid import UUID

import pytest

from backend.accounts.types import User
from backend.actor import Role
from backend.runbooks import service as runs
from backend.runbooks.types import Risk, RunId, RunStage
from runbooks.__main__ import main
from tests import factories
from tests.integration.runbooks.conftest import PROCESS, MakeAction


@pytest.fixture
def asker(database: str, make_action: MakeAction) -> User:
    make_action(Risk.DANGEROUS)
    return factories.user(Role.OPERATOR)


def ask(monkeypatch: pytest.MonkeyPatch, password: str, *argv: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
    return main(["ask", *argv])


def test_a_dangerous_run_is_asked_for_by_its_person_and_waits_to_be_confirmed(
    asker: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    assert (
        ask(monkeypatch, factories.PASSWORD, "change_thing", "--as", asker.email, "--with", "target=two") == 0
    )

    told = capsys.readouterr().out
    address = re.search(r"/runs/(\S+)", told)
    assert address is not None
    run = runs.run(PROCESS, RunId(UUID(address[1])))
    assert (run.state, run.parameters, run.requester_id) == (RunStage.PLANNING, {"target": "two"}, asker.id)


@pytest.mark.parametrize(
    ("password", "argv"),
    [
        ("wrong", ("change_thing",)),
        (factories.PASSWORD, ("change_thing", "--with", "nothing=1")),
        (factories.PASSWORD, ("no_such_action",)),
        (factories.PASSWORD, ("change_thing", "--with", "target")),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    asker: User,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    password: str,
    argv: tuple[str, ...],
) -> None:
    assert ask(monkeypatch, password, *argv, "--as", asker.email) == 1
    assert capsys.readouterr().err.strip()


def test_a_viewer_asks_for_nothing(
    database: str, make_action: MakeAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_action()
    person = factories.user(Role.AUDITOR)

    assert ask(monkeypatch, factories.PASSWORD, "change_thing", "--as", person.email) == 1
