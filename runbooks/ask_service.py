"""Use cases of asking the runbooks: a question in; the nearest passages, and a model's answer from them, out."""

from dataclasses import dataclass

from backend.actor import STAFF_ROLES, Actor, require_process, require_role
from backend.assistant import answer_service as assistant
from backend.assistant.answer_types import AnswerReason, ChunkPlace, RunbookAnswer
from backend.documents import service as library
from backend.documents.types import Chunk
from backend.free_text import received
from backend.telemetry.metrics import count_rag_query
from runbooks.documents import documents

LONGEST_QUESTION = 300
_OFF = RunbookAnswer(reason=AnswerReason.OFF)
_LAPSED = RunbookAnswer(reason=AnswerReason.ASK_AGAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskResult:
    """The passages that are nearest to a question, whether they speak of it, and what a model said from them."""

    passages: tuple[Chunk, ...]
    is_answered: bool
    answer: RunbookAnswer


def ask(actor: Actor, question: str) -> AskResult:
    """Ask the runbooks. For staff. It starts nothing, and never waits for a model: ``look`` sees its answer later.

    The first question after a change of the pages makes their index. A long question is cut.
    """
    require_role(actor, *STAFF_ROLES)
    library.keep_index(actor, documents())
    count_rag_query()
    told = received(question, LONGEST_QUESTION)
    return _asked(actor, told, assistant.answer(actor, told) if told else _OFF)


def look(actor: Actor, question: str) -> AskResult:
    """The same as ``ask`` shows by now; nobody is asked anything, and nothing is counted. For staff.

    Where the answer, or the reason why there was none, is not kept any more, it says to ask again.
    """
    require_role(actor, *STAFF_ROLES)
    told = received(question, LONGEST_QUESTION)
    return _asked(actor, told, (assistant.known_answer(actor, told) or _LAPSED) if told else _OFF)


def prepare(actor: Actor) -> tuple[int, int]:
    """Make the index when the pages have changed; the numbers of new chunks and of new embeddings. For processes."""
    require_process(actor)
    return library.keep_index(actor, documents()), assistant.embed_missing(actor)


def _asked(actor: Actor, question: str, answer: RunbookAnswer) -> AskResult:
    found = library.search(actor, question)
    passages = _at(actor, answer.nearest) or found.passages
    return AskResult(
        passages=passages,
        is_answered=found.is_answered or answer.reason is AnswerReason.ANSWERED,
        answer=answer,
    )


def _at(actor: Actor, places: tuple[ChunkPlace, ...]) -> tuple[Chunk, ...]:
    return tuple(library.at_places(actor, [(each.name, each.lang, each.number) for each in places]))
