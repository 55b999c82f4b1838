"""The visitor of a page: name, company and role for the frame, and the redirect to the right page."""

from dataclasses import dataclass
from typing import Any

import reflex as rx
from reflex_base.event import EventSpec

from backend.accounts.types import UserSession
from backend.actor import STAFF_ROLES
from backend.errors import SignInRequired, Unavailable
from backend.i18n.catalog import Lang, text
from backend.i18n.errors import error_text
from backend.tenants import service as tenants
from portal import bridge, pages, routes, session, state_store
from portal.bridge import Problem
from portal.guard import allow
from portal.i18n import language
from portal.typed import sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A user as the frame shows it."""

    name: str = ""
    email: str = ""
    initial: str = ""
    role: str = ""
    role_code: str = ""
    company: str = ""
    language: str = ""
    is_staff: bool = False


class VisitorState(rx.State):
    """The person in front of this tab."""

    visitor: Visitor = Visitor()
    unexpected: str = ""
    problem: Problem = Problem(text="")

    @rx.event
    @allow(public=True)
    async def enter(self) -> Any:
        """First handler of every page: sends a stranger to sign in and others home, fills the frame for the rest."""
        self.unexpected = ""
        found = await session.session_of(session.token_in(self.router.headers.cookie))
        path = self.router.url.path.rstrip("/") or routes.HOME
        roles = pages.roles_of_path(path)
        if found is None:
            self.visitor = Visitor()
            return (
                None
                if path == routes.SIGN_IN
                else rx.redirect(routes.sign_in_again(path, self.router.url.query))
            )
        if path in {routes.HOME, routes.SIGN_IN} or (roles is not None and found.actor.role not in roles):
            return rx.redirect(routes.home_of(found.actor.role))
        lang = language(self)
        if (self.visitor.email, self.visitor.language) != (found.email, lang):
            outcome = await bridge.attempt(lang, lambda: _visitor(found, lang))
            if isinstance(outcome, Problem):
                self.problem = outcome
            else:
                self.visitor, self.problem = outcome, Problem(text="")
        return None

    @rx.event
    @allow(public=True)
    def tell_unexpected(self, reference: str) -> None:
        """Show that an event failed: with the reference that the log has too, or without one for a lost database."""
        if reference == "":
            self.unexpected = error_text(Unavailable(service="database"), language(self))
        elif isinstance(reference, str) and bridge.REFERENCE.fullmatch(reference):
            self.unexpected = text("error.unknown", language(self), reference=reference)

    @rx.event
    @allow(public=True)
    def sign_in_again(self) -> Any:
        """The session ended while it was used: sign in, and come back to this page."""
        here = self.router.url
        return rx.redirect(routes.sign_in_again(here.path, here.query, error=SignInRequired.code))

    @rx.event
    @allow(public=True)
    def dismiss(self) -> None:
        """The reader has seen it."""
        self.unexpected = ""


def _visitor(found: UserSession, lang: Lang) -> Visitor:
    company = text("brand.operations", lang)
    if found.tenant_id is not None:
        company = tenants.get(found.actor, found.tenant_id).name(lang)
    return Visitor(
        name=found.name,
        email=found.email,
        initial=found.name.strip()[:1],
        role=text(f"role.{found.actor.role}", lang),
        role_code=str(found.actor.role),
        company=company,
        language=lang,
        is_staff=found.actor.role in STAFF_ROLES,
    )


def on_unexpected(exception: Exception) -> EventSpec | None:
    """Handle a handler's unforeseen end: a sentence with a reference for the page, and the trace in the log.

    An event would need the state that could not be had, so the socket filter tells of trouble with Redis instead.
    """
    if state_store.is_trouble(exception):
        state_store.note_failure(exception)
        return None
    if isinstance(exception, SignInRequired):
        return sent(VisitorState.sign_in_again)
    if isinstance(exception, Unavailable):
        problem = bridge.problem_of(exception, "en")
    else:
        problem = bridge.unexpected(exception, "fa")
    return sent(VisitorState.tell_unexpected, problem.reference)
