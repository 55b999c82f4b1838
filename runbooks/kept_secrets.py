"""Secrets of a run, in the memory of its process alone: later steps find them, and nothing stores them.

A run that goes on in another process does not know them any more; its steps then obtain or read them anew, or say that
they cannot put something back.
"""

from backend.runbooks.types import RunId
from runbooks.context import Running

_kept: dict[tuple[RunId, str], str] = {}


def keep(running: Running, name: str, value: str) -> str:
    """Keep a secret for later steps of this process, and let no line of the log show it. Returns it."""
    _kept[running.run.id, name] = running.secret(value)
    return value


def recall(running: Running, name: str) -> str | None:
    """A secret that an earlier step of this process kept."""
    return _kept.get((running.run.id, name))


def drop(running: Running) -> None:
    """Forget all secrets of a run."""
    for key in [key for key in _kept if key[0] == running.run.id]:
        del _kept[key]
