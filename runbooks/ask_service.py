"""Use cases of asking the runbooks: a question in, the nearest passages of pages and documents out."""

from backend.actor import STAFF_ROLES, Actor, require_role
from backend.documents import service as library
from backend.documents.types import Findings
from backend.free_text import received
from backend.telemetry.metrics import count_rag_query
from runbooks.documents import documents

LONGEST_QUESTION = 300


def ask(actor: Actor, question: str) -> Findings:
    """The passages that are nearest to a question, and whether they speak of it. For staff. It starts nothing.

    The first question after a change of the pages makes their index. A long question is cut.
    """
    require_role(actor, *STAFF_ROLES)
    library.keep_index(actor, documents())
    count_rag_query()
    return library.search(actor, received(question, LONGEST_QUESTION))
