"""The shared snapshot: sources fail, hang and come back, each by itself."""

from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event

import pytest

from backend.actor import Actor, Role
from backend.errors import Unavailable
from backend.overview.board import OverviewSource, SourceBoard
from backend.overview.types import SourceName, SourceReading
from tests import factories
from tests.waiting import PATIENCE_S, until

STAFF = factories.actor(Role.OPERATOR)
FAST, OTHER = SourceName.BILLING, SourceName.MEASURES


class Party:
    """A party that answers, refuses, breaks or hangs as it is told."""

    def __init__(self) -> None:
        self.answer: object = 1
        self.asked = 0
        self.released = Event()
        self.released.set()

    def read(self, _actor: Actor) -> object:
        self.asked += 1
        self.released.wait(PATIENCE_S)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def parties() -> dict[SourceName, Party]:
    return {FAST: Party(), OTHER: Party()}


@pytest.fixture
def board(parties: dict[SourceName, Party]) -> Iterator[SourceBoard]:
    made = SourceBoard(
        {name: OverviewSource(read=party.read, every_s=0, limit_s=0.3) for name, party in parties.items()}
    )
    yield made
    for party in parties.values():
        party.released.set()
    made.close()


def of(board: SourceBoard, name: SourceName) -> SourceReading[object]:
    return board.look(STAFF, 0)[0][name]


def test_the_first_look_waits_for_all_and_many_looks_cost_what_one_costs(
    board: SourceBoard, parties: dict[SourceName, Party]
) -> None:
    parties[FAST].answer = "seven"

    readings, _ = board.look(STAFF, PATIENCE_S)

    assert (readings[FAST].value, readings[FAST].known) == ("seven", "seven")
    assert readings[OTHER].known == 1
    assert readings[FAST].unknown_since is None


def test_a_source_that_hangs_is_unknown_and_delays_no_other(
    board: SourceBoard, parties: dict[SourceName, Party]
) -> None:
    board.look(STAFF, PATIENCE_S)
    last_known = of(board, OTHER).read_at
    parties[OTHER].released.clear()

    until(lambda: of(board, OTHER).unknown_since)
    asked = parties[FAST].asked
    until(lambda: parties[FAST].asked > asked)

    lost = of(board, OTHER)
    assert (lost.value, lost.known, lost.cause) == (1, None, "timeout")
    assert lost.unknown_since is not None
    assert last_known is not None
    assert lost.unknown_since >= last_known
    assert of(board, FAST).unknown_since is None


def test_a_source_is_asked_once_at_a_time_however_long_it_hangs(
    board: SourceBoard, parties: dict[SourceName, Party]
) -> None:
    parties[OTHER].released.clear()

    board.look(STAFF, PATIENCE_S)
    asked = parties[FAST].asked
    until(lambda: parties[FAST].asked > asked + 3)

    assert parties[OTHER].asked == 1


def test_it_is_known_again_by_itself_and_not_by_the_answer_that_came_late(
    board: SourceBoard, parties: dict[SourceName, Party]
) -> None:
    parties[OTHER].answer = "late"
    parties[OTHER].released.clear()
    board.look(STAFF, PATIENCE_S)
    since = of(board, OTHER).unknown_since

    parties[OTHER].released.set()
    until(lambda: of(board, OTHER).known == "late")

    assert since is not None
    assert parties[OTHER].asked > 1


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        pytest.param(Unavailable(service="x", cause="connection"), "connection", id="with a cause"),
        pytest.param(Unavailable(service="x"), "unavailable", id="without one"),
        pytest.param(RuntimeError("secret"), "unknown", id="a bug"),
    ],
)
def test_a_source_that_fails_is_unknown_with_its_cause(
    board: SourceBoard, parties: dict[SourceName, Party], error: Exception, cause: str
) -> None:
    parties[OTHER].answer = error

    readings, _ = board.look(STAFF, PATIENCE_S)

    lost = readings[OTHER]
    assert (lost.value, lost.cause) == (None, cause)
    assert isinstance(lost.unknown_since, datetime)
    assert readings[FAST].known == 1


def test_only_what_is_new_is_told(board: SourceBoard, parties: dict[SourceName, Party]) -> None:
    told = []
    board.on_change = lambda: told.append(board.look(STAFF, 0)[1])
    board.look(STAFF, PATIENCE_S)
    asked = parties[FAST].asked
    until(lambda: parties[FAST].asked > asked + 3)
    version = board.look(STAFF, 0)[1]

    parties[FAST].answer = 2
    until(lambda: of(board, FAST).value == 2)

    assert board.look(STAFF, 0)[1] == version + 1
    assert told[-1] <= version + 1


def test_an_answer_that_is_itself_old_is_unknown_since_then_and_known_again_when_it_is_not() -> None:
    since = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    party = Party()
    party.answer = ("old", since)
    board = SourceBoard(
        {FAST: OverviewSource(read=party.read, every_s=0, unknown_since=lambda found: found[1])}
    )

    until(lambda: of(board, FAST).value)
    lost = of(board, FAST)
    party.answer = ("new", None)
    until(lambda: of(board, FAST).known)
    board.close()

    assert (lost.value, lost.known, lost.unknown_since) == (("old", since), None, since)
    assert not lost.is_pending


def test_a_board_that_is_closed_while_its_thread_works_starts_nothing_more(
    board: SourceBoard, parties: dict[SourceName, Party]
) -> None:
    board.close()
    board.look(STAFF, 0)

    board._start_due(datetime.now(UTC))

    assert [party.asked for party in parties.values()] == [0, 0]
