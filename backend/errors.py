"""The tree of expected errors. Everything else is a bug and stays one.

    AppError
    |- Refused                what was asked is not possible; asking again changes nothing
    |  |- SignInRequired      nobody is signed in
    |  |- Forbidden           signed in, but not for this
    |  |- NotFound            no such thing, or not yours: the two look alike from outside
    |  |- Invalid             the input does not fit (``field`` says which)
    |  |- SignInFailed        wrong account or password: which of them is never said
    |  |- TooManyAttempts     wait ``wait_s`` seconds
    |  |- Conflict            the thing has changed meanwhile
    |- Unavailable            another party did not answer (``service`` names it); asking later may work

``code`` is the key of the sentence in the catalogue (``error.<code>``); the data fields fill its places, instants and
days in the calendar of who reads it.
"""

from datetime import date
from typing import ClassVar


class AppError(Exception):
    """An expected error; ``code`` is the key of its sentence in the catalogue."""

    code: ClassVar[str] = "unknown"

    def __init__(self, **data: str | int | date) -> None:
        self.data = data
        super().__init__(f"{self.code} {data}" if data else self.code)

    @property
    def key(self) -> str:
        """The catalogue key of the sentence for people; a ``reason`` or ``service`` makes it more exact."""
        detail = self.data.get("reason") or self.data.get("service")
        return f"error.{self.code}.{detail}" if detail else f"error.{self.code}"

    @property
    def reason_key(self) -> str:
        """The same key without ``error.``, for a record that is read in either language."""
        return self.key.removeprefix("error.")


class Refused(AppError):
    """The request is not possible."""

    code = "refused"


class SignInRequired(Refused):
    """Nobody is signed in."""

    code = "sign_in_required"


class Forbidden(Refused):
    """This account may not do that."""

    code = "forbidden"


class NotFound(Refused):
    """There is no such thing here."""

    code = "not_found"


class Invalid(Refused):
    """The input does not fit."""

    code = "invalid"


class SignInFailed(Refused):
    """The address or the password is wrong."""

    code = "sign_in_failed"


class TooManyAttempts(Refused):
    """Too many attempts; wait."""

    code = "too_many_attempts"


class Conflict(Refused):
    """The thing has changed meanwhile."""

    code = "conflict"


class Unavailable(AppError):
    """Another party did not answer."""

    code = "unavailable"
