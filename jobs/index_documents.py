"""The index of runbooks, kept as the pages are: at the start of the jobs process, and every hour."""

from backend.actor import Actor
from runbooks import ask_service as runbooks

NAME = "index_documents"


def run(actor: Actor) -> str:
    """Make the index when the pages have changed, and embed what has no embedding yet. Idempotent."""
    chunks, embeddings = runbooks.prepare(actor)
    return f"{chunks} chunks, {embeddings} embeddings" if chunks or embeddings else ""
