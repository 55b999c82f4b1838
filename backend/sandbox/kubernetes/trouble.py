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
    # What becomes of an account's next calls, one after the other: a status, a drop, or so many seconds of silence.
    plagued: str = ""
    plagues: list[int | float | str] = field(default_factory=list)
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

    def plague_of(self, account: str) -> int | float | str:
        """The plague of an account's next call; an empty text where it has none."""
        return self.plagues.pop(0) if self.plagues and account == self.plagued else ""

    def refuse(self) -> None:
        """Refuse, if it is to.

        Raises:
            RefusedError: with the status that was asked for.
        """
        if self.refuses_with:
            raise unable(self.refuses_with)

    def end(self) -> None:
        """Answer as a server in good health."""
        self.delay_s, self.refuses_with, self.is_dead, self.drops, self.loses = 0.0, 0, False, 0, ""
        self.plagues.clear()


def unable(status: int) -> RefusedError:
    """The answer of a server that is not able to give one."""
    return RefusedError(status, "ServiceUnavailable", "the server is currently unable to handle the request")
