"""State of the sign-in page: its message, and the page to go on to."""

import reflex as rx

from backend.errors import AppError, SignInFailed, SignInRequired, TooManyAttempts, Unavailable
from backend.i18n.errors import error_text
from portal import bridge, routes
from portal.guard import allow
from portal.i18n import language

_LONGEST_WAIT_S = 3600


class SignInState(rx.State):
    """Filled from the page's address, which anybody can write: nothing of it is shown but known sentences."""

    wanted: str = ""
    message: str = ""
    is_waiting: bool = False

    @rx.event
    @allow(public=True)
    def load(self) -> None:
        """Read the address."""
        query = self.router.url.query_parameters
        lang = language(self)
        self.wanted = routes.own_path(query.get("next"), otherwise="")
        code = query.get("error", "")
        error = _error(code, query.get("wait_s", ""))
        self.is_waiting = isinstance(error, TooManyAttempts)
        if error is not None:
            self.message = error_text(error, lang)
        elif code == "unknown":
            self.message = bridge.unexpected_words(query.get("reference", ""), lang)
        else:
            self.message = ""


def _error(code: str, wait: str) -> AppError | None:
    if code == SignInFailed.code:
        return SignInFailed()
    if code == SignInRequired.code:
        return SignInRequired()
    if code.startswith(TooManyAttempts.code) and wait.isascii() and wait.isdigit():
        return TooManyAttempts(wait_s=min(int(wait[:6]), _LONGEST_WAIT_S))
    return Unavailable(service="database") if code.startswith(Unavailable.code) else None
