"""Troubles of the API server itself: slow, refusing, dead."""

from collections import Counter
from dataclasses import dataclass, field

from backend.sandbox.kubernetes.store import RefusedError


@dataclass(slots=True)
class Trouble:
    """The API's answers: ``delay_s`` late, with an error, or none at all; and a count of its calls."""

    delay_s: float = 0.0
    refuses_with: int = 0
    is_dead: bool = False
    # Rises when every open watch and log is to be cut.
    cuts: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    open_watches: Counter[str] = field(default_factory=Counter)

    def refuse(self) -> None:
        """Refuse, if it is to.

        Raises:
            RefusedError: with the status that was asked for.
        """
        if self.refuses_with:
            text = "the server is currently unable to handle the request"
            raise RefusedError(self.refuses_with, "ServiceUnavailable", text)

    def end(self) -> None:
        """Answer as a server in good health."""
        self.delay_s, self.refuses_with, self.is_dead = 0.0, 0, False
