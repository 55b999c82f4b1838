"""Troubles of the API server itself: slow, refusing, dead."""

from collections import Counter
from dataclasses import dataclass, field

from backend.sandbox.kubernetes.store import RefusedError


@dataclass(slots=True)
class Trouble:
    """The API's answers: ``delay_s`` late, with an error, none at all or not the next; and its calls counted."""

    delay_s: float = 0.0
    refuses_with: int = 0
    is_dead: bool = False
    drops: int = 0
    # The call, such as ``patch deployments``, whose next answer is lost after it was carried out.
    loses: str = ""
    # Rises when every open watch and log is to be cut.
    cuts: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    open_watches: Counter[str] = field(default_factory=Counter)

    def leaves_unanswered(self) -> bool:
        """Whether the connection of a request ends without an answer."""
        if self.drops and not self.is_dead:
            self.drops -= 1
            return True
        return self.is_dead

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
        self.delay_s, self.refuses_with, self.is_dead, self.drops, self.loses = 0.0, 0, False, 0, ""
