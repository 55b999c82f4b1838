"""Nouns of launching: the fate of a run's process."""

from dataclasses import dataclass
from enum import StrEnum

from backend.runbooks.types import Words


class Fate(StrEnum):
    """Fate of a process."""

    ALIVE = "alive"
    GONE = "gone"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundProcess:
    """A process's fate, and what whoever ended or refused it says."""

    fate: Fate
    why: Words | None = None
