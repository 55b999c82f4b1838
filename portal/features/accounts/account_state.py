"""State of the account page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import reflex as rx

from backend.accounts import service as accounts
from backend.accounts.types import SessionId
from backend.actor import Actor
from backend.errors import AppError, Invalid, SignInFailed, TooManyAttempts, Unavailable
from backend.i18n.catalog import Lang, text
from backend.i18n.errors import error_text
from portal import bridge, session
from portal.bridge import Problem
from portal.features.accounts import rows
from portal.features.accounts.rows import SessionRow
from portal.guard import EVERYBODY, allow
from portal.i18n import language
from portal.ids import uuid_of
from portal.loaded import LoadedPage
from portal.place import PAGE_SIZE, Pager, Place, place_of, to_pager

_LONGEST_NUMBER = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsView:
    """A page of the browsers that are signed in."""

    sessions: list[SessionRow] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)


class AccountState(LoadedPage, rx.State):
    """A tab's view of its user's account: the signed-in browsers."""

    view: SessionsView = SessionsView()
    # What an action came to, each where the click was: the open sessions, the password.
    done: str = ""
    failed: str = ""
    password_done: str = ""
    password_failed: str = ""
    is_asking: bool = False

    @rx.event
    @allow(EVERYBODY)
    async def load(self) -> None:
        """The open sessions, and what the last change came to."""
        self._read_address()
        await self._show_sessions()

    @rx.event
    @allow(EVERYBODY)
    async def revoke(self, key: str) -> None:
        """End one of the own sessions."""
        outcome = await self._attempt(lambda actor, _: accounts.revoke(actor, SessionId(uuid_of(key))))
        session.forget_everybody()
        self.failed = outcome.text if isinstance(outcome, Problem) else ""
        self.done = "" if isinstance(outcome, Problem) else text("page.account.revoked", language(self))
        await self._show_sessions()

    @rx.event
    @allow(EVERYBODY)
    def ask_everywhere(self) -> None:
        """Open the question whether to sign out on every device."""
        self.is_asking = True

    @rx.event
    @allow(EVERYBODY)
    def close_everywhere(self) -> None:
        """The person stays signed in."""
        self.is_asking = False

    async def _show_sessions(self) -> None:
        current, place = (await session.current(self)).id, place_of(self)
        await self._show(lambda actor, lang: _sessions(actor, current, place, lang))

    def _read_address(self) -> None:
        query, lang = self.router.url.query_parameters, language(self)
        self.done, self.is_asking = "", False
        self.password_done = (
            text("page.account.password_changed", lang) if query.get("done") == "password" else ""
        )
        said, is_of_sessions = _failed(query, lang), query.get("undone") == "sign_out"
        self.failed, self.password_failed = (said, "") if is_of_sessions else ("", said)


def _sessions(actor: Actor, current: SessionId, place: Place, lang: Lang) -> SessionsView:
    ask = partial(accounts.sessions, actor, current=current, limit=PAGE_SIZE)
    found = ask(offset=place.first())
    if (nearest := place.within(found.total)) != place:
        place, found = nearest, ask(offset=nearest.first())
    return SessionsView(
        sessions=[rows.to_row(each, lang) for each in found.rows],
        pager=to_pager(place, shown=len(found.rows), total=found.total, lang=lang),
    )


def _failed(query: Mapping[str, str], lang: Lang) -> str:
    """The sentence that an address asks for. Anybody can write one: only known sentences are said."""
    code = query.get("error", "")
    error = _error(code, {name: query.get(name, "") for name in ("wait_s", "min_length", "max_length")})
    said = error_text(error, lang) if error else ""
    if code == "unknown":
        said = bridge.unexpected_words(query.get("reference", ""), lang)
    if said and query.get("undone") == "sign_out":
        # By the time that one reads it, the database answers again.
        undone = text("page.account.still_signed_in", lang)
        return undone if isinstance(error, Unavailable) else f"{undone} {said}"
    return said


def _error(code: str, given: dict[str, str]) -> AppError | None:
    """The error that an address names. The address is outside text: only known codes and short numbers count."""
    numbers = {
        name: int(value)
        for name, value in given.items()
        if value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER
    }
    if code == SignInFailed.code:
        return Invalid(reason="wrong_password")
    if code.startswith(TooManyAttempts.code):
        return TooManyAttempts(wait_s=numbers.get("wait_s", 0))
    if code == "invalid.password_too_short":
        return Invalid(reason="password_too_short", min_length=numbers.get("min_length", 0))
    if code == "invalid.password_too_long":
        return Invalid(reason="password_too_long", max_length=numbers.get("max_length", 0))
    if code == "invalid.password_too_simple":
        return Invalid(reason="password_too_simple")
    return Unavailable(service="database") if code.startswith(Unavailable.code) else None
