"""The writer of a run's log takes whatever a program prints, and never keeps the run waiting for what cannot be."""

from threading import Thread

import pytest
from sqlalchemy import text

from backend.actor import Actor
from backend.db.engine import transaction
from backend.runbooks import service as runs
from backend.runbooks.types import Plan, PlannedChange, RunbookRun, Superseded, Words
from runbooks.engine import RUNNER
from runbooks.log_writer import LONGEST_LINE, LogWriter
from tests.integration.runbooks.conftest import MakeAction, confirmed

SECRET = "Tr0ub4dor&3-canary"


@pytest.fixture
def run(operator: Actor, make_action: MakeAction) -> RunbookRun:
    """A run that is at work, as far as the database knows."""
    make_action()
    taken = runs.take_up(RUNNER, confirmed(operator).id, "here:1:1")
    assert taken is not None
    return taken


@pytest.mark.parametrize(
    ("printed", "stored"),
    [
        pytest.param("a\x00b", ["ab"], id="null"),
        pytest.param("a\ud800b", ["a?b"], id="half-a-surrogate"),
        pytest.param("x" * 10_000_000, ["x" * LONGEST_LINE], id="10-mb-without-a-line-break"),
        pytest.param(f"it is {SECRET[:7]}\x00{SECRET[7:]}.", ["it is ***."], id="secret-with-a-null-in-it"),
        pytest.param(f"it is {SECRET[:7]}\x1b[0m{SECRET[7:]}.", ["it is ***."], id="secret-in-two-colours"),
        pytest.param(
            f"it is {SECRET[:7]}\u2028{SECRET[7:]}.", ["it is ***."], id="secret-on-two-lines-of-some"
        ),
        pytest.param("10 %\r20 %\r\n\nend\n", ["10 %", "20 %", "", "end"], id="every-kind-of-line-break"),
    ],
)
def test_whatever_a_program_prints_is_stored_and_so_is_what_follows(
    printed: str, stored: list[str], run: RunbookRun
) -> None:
    writer = LogWriter(RUNNER, run)
    writer.hide(SECRET)

    writer.output(printed)
    writer.flush()
    writer.words(Words(key="runbooks.outcome.not_started", values={"words": printed[:50]}))
    writer.output("after")
    writer.close()

    lines = [line.text for line in runs.lines(RUNNER, run.id)]
    assert [*lines[:-2], lines[-1]] == [*stored, "after"]
    assert SECRET not in "".join(lines)


def test_a_key_that_never_ends_masks_its_own_value_and_no_other_of_the_run_or_its_plan(
    run: RunbookRun,
) -> None:
    writer, cut = LogWriter(RUNNER, run), "-----BEGIN CERTIFICATE-----\nMIIC"
    changes = [PlannedChange(what=Words(key="x"), before=before, after="0") for before in (cut, "3")]

    plan = writer.clean_plan(Plan(changes=tuple(changes), commands=("kubectl get pods",)))
    writer.words(Words(key="x", values={"words": cut}))
    writer.words(Words(key="x", values={"words": "the rollout is done"}))
    writer.output("kept")
    writer.close()

    assert [each.before for each in plan.changes] == ["***\n***", "3"]
    assert plan.commands == ("kubectl get pods",)
    _, done, kept = [line.text for line in runs.lines(RUNNER, run.id)]
    assert "the rollout is done" in done
    assert kept == "kept"


def test_a_process_that_was_given_up_writes_nothing_between_the_lines_of_its_successor(
    operator: Actor, run: RunbookRun
) -> None:
    old = LogWriter(RUNNER, run)
    old.output("first")
    old.flush()
    runs.note_gone(RUNNER, run, Words(key="runbooks.outcome.process_gone"))
    runs.go_on(operator, run.id)

    old.output("from beyond")
    with pytest.raises(Superseded):
        old.flush()

    successor = runs.take_up(RUNNER, run.id, "here:2:2")
    assert successor is not None
    new = LogWriter(RUNNER, successor)
    new.output("second")
    new.close()
    assert [line.text for line in runs.lines(RUNNER, run.id)] == ["first", "second"]


def test_a_run_that_is_in_no_database_any_more_does_not_wait_for_its_log(run: RunbookRun) -> None:
    writer = LogWriter(RUNNER, run)
    with transaction() as connection:
        connection.execute(text("DELETE FROM runbook_run WHERE id = :id"), {"id": run.id})
    ends: list[Exception] = []

    def flush() -> None:
        try:
            writer.output("nobody's")
            writer.flush()
        except Superseded as end:
            ends.append(end)

    waiting = Thread(target=flush, daemon=True)
    waiting.start()
    waiting.join(10)

    assert len(ends) == 1
