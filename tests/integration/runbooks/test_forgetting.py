"""Runs and their logs are kept for 13 months, and not a day longer."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from backend import clock
from backend.actor import Actor, Role
from backend.db.engine import read, transaction
from backend.errors import Forbidden, NotFound
from backend.runbooks import service as runs
from backend.runbooks.models import RunbookLogRow, RunbookRunRow
from backend.runbooks.types import RunId
from runbooks.engine import RUNNER
from tests import factories
from tests.integration.runbooks.conftest import MakeAction, ended, planned, wish
from tests.integration.runbooks.killing import undone


def make_older(run_id: RunId, days: int) -> None:
    changed = update(RunbookRunRow).where(RunbookRunRow.id == run_id)
    with transaction() as connection:
        connection.execute(changed.values(ended_at=clock.utc_now() - timedelta(days=days)))


def log_lines() -> int:
    with read() as connection:
        return connection.scalar(select(func.count()).select_from(RunbookLogRow)) or 0


def test_a_run_is_forgotten_with_its_log_after_13_months(operator: Actor, make_action: MakeAction) -> None:
    make_action()
    old, younger = ended(operator), ended(operator)
    open_one = planned(operator, wish())
    lines = log_lines()
    make_older(old.id, 397)
    make_older(younger.id, 395)

    assert runs.forget_old(RUNNER) == 1

    with pytest.raises(NotFound):
        runs.run(operator, old.id)
    assert runs.run(operator, younger.id).id == younger.id
    assert runs.run(operator, open_one.id).id == open_one.id
    assert 0 < log_lines() < lines
    assert runs.forget_old(RUNNER) == 0


def test_a_run_is_kept_as_long_as_its_undo_is(operator: Actor, make_action: MakeAction) -> None:
    make_action()
    done = ended(operator)
    undo = undone(operator, done.id)
    make_older(done.id, 400)

    assert runs.forget_old(RUNNER) == 0
    make_older(undo.id, 400)
    assert runs.forget_old(RUNNER) == 2


def test_only_a_process_forgets(operator: Actor) -> None:
    for actor in (operator, factories.actor(Role.AUDITOR)):
        with pytest.raises(Forbidden):
            runs.forget_old(actor)
