"""``python -m backend.audit``, as a person at a terminal uses it."""

import pytest
from sqlalchemy import text

from backend.audit import service
from backend.audit.__main__ import main
from backend.db.engine import transaction
from tests import factories


@pytest.fixture
def chain(database: str) -> str:
    """The head of a chain of three entries."""
    for number in range(3):
        service.record(factories.PROCESS, "note.added", f"note:{number}")
    return service.verify(factories.PROCESS).head


def test_an_intact_chain_is_said_to_be_so_with_its_head(
    chain: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify"]) == 0

    assert capsys.readouterr().out == f"Intact: 3 entries. Head: {chain}\n"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        pytest.param(
            "UPDATE audit_entry SET action = 'note.lost' WHERE id = 2",
            "The chain is broken at entry 2: it is not what was written. The 1 entries before it are intact.",
            id="changed",
        ),
        pytest.param(
            "DELETE FROM audit_entry WHERE id = 2",
            "The chain is broken at entry 3: an entry before it is missing",
            id="missing",
        ),
    ],
)
def test_a_broken_chain_is_a_sentence_that_says_where_and_exit_code_1(
    chain: str, capsys: pytest.CaptureFixture[str], statement: str, said: str
) -> None:
    with transaction() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement))

    assert main(["verify"]) == 1

    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
