"""Deny by default. A browser can send any event with any argument; only what a policy allows is run.

``@allow`` stands BELOW ``@rx.event`` on every handler. The middleware checks each event, chained and background
ones included, before it runs; ``check_policies`` stops the start when a handler has no policy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import reflex as rx
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.constants.state import FIELD_MARKER
from reflex_base.event import Event
from reflex_base.registry import RegistrationContext

from backend.accounts.types import UserSession
from backend.actor import OPERATOR_ROLES, STAFF_ROLES, TENANT_ROLES, Actor, Role
from backend.errors import SignInRequired, Unavailable
from backend.log import get_logger
from portal import bridge, routes, session
from portal.logs import LONGEST_REPORT
from portal.notes import Notes

TENANT = frozenset(TENANT_ROLES)
TENANT_ADMINS = frozenset({Role.TENANT_ADMIN})
STAFF = frozenset(STAFF_ROLES)
OPERATORS = frozenset(OPERATOR_ROLES)
EVERYBODY = TENANT | STAFF

log = get_logger(__name__)

_POLICY = "__portal_policy__"
_STATE = "reflex___state____state."
HYDRATE = f"{_STATE}hydrate_and_load"
ON_LOAD = f"{_STATE}reflex___state____on_load_internal_state.on_load_internal"
BROWSER_REPORT = f"{_STATE}reflex___state____frontend_event_exception_state.handle_frontend_exception"
# Only a handler of Reflex's own leads to this one.
SET_HYDRATED = f"{_STATE}reflex___state____on_load_internal_state.set_is_hydrated"
FRAMEWORK = frozenset(
    {
        HYDRATE,
        ON_LOAD,
        BROWSER_REPORT,
        SET_HYDRATED,
        f"{_STATE}reflex___state____update_vars_internal_state.update_vars_internal",
    }
)
_FRAMEWORK_MODULES = ("reflex.", "reflex_base.", "reflex_components")
_NOBODY = "nobody"

_notes = Notes(log)

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Permission to send an event: for users with these roles, or for anybody."""

    roles: frozenset[Role] = frozenset()
    public: bool = False


def allow(roles: frozenset[Role] = frozenset(), *, public: bool = False) -> Callable[[F], F]:
    """Give a handler its policy. Put it below ``@rx.event``."""
    if bool(roles) == public:
        raise ValueError("a policy names roles, or is public")

    def with_policy(handler: F) -> F:
        setattr(handler, _POLICY, Policy(roles=roles, public=public))
        return handler

    return with_policy


class PrincipalState(rx.State):
    """Owner of a browser tab's state; never sent to the browser."""

    _bound_to: str = ""


class ConnectionState(rx.State):
    """Messages of the guard to the browser."""

    is_database_lost: bool = False
    database_lost_s: int = 0
    is_state_store_lost: bool = False
    is_rushed: bool = False
    failure: str = ""


class Guard(Middleware):
    """Checks session, role and policy of every event, and wipes a tab whose principal changed."""

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:  # noqa: ARG002
        """Let the event pass (None), or answer it without running it."""
        root = state._get_root_state()  # noqa: SLF001 - Reflex offers no public way from a substate to its root
        try:
            who = await session.session_of(session.token_in(root.router.headers.cookie))
        except Unavailable as lost:
            return told(is_database_lost=True, database_lost_s=bridge.problem_of(lost, "en").since_s)
        except Exception as error:  # noqa: BLE001 - the handler of errors answers with an event, which would end here
            return told(failure=bridge.unexpected(error, "en").reference)
        was_bound = await self._bind(root, who)
        if event.name == BROWSER_REPORT:
            _shorten(event)
        if was_bound and event.name != HYDRATE:
            return _to_sign_in(root, ended=True)
        return None if event.name in FRAMEWORK else _verdict(root, event, who)

    async def _bind(self, root: BaseState, who: UserSession | None) -> bool:
        """Tie the tab's state to its principal. A state that was another's is wiped first; says whether it was."""
        principal = await root.get_state(PrincipalState)
        bound_to = principal._bound_to  # noqa: SLF001 - a backend var, private to the browser and not to us
        name = principal_of(who.actor) if who else _NOBODY
        if bound_to == name:
            return False
        root.reset()
        principal._bound_to = name  # noqa: SLF001 - as above
        return bound_to not in {"", _NOBODY}


def principal_of(actor: Actor) -> str:
    """The owner of a tab's state: a user, with role and tenant."""
    return f"{actor.user_id}:{actor.role}:{actor.tenant_id}"


def _verdict(root: BaseState, event: Event, who: UserSession | None) -> StateUpdate | None:
    policy = policy_of(event.name)
    if policy is None:
        _note_denied("no_policy", event.name, who)
        return StateUpdate()
    if policy.public:
        return None
    if who is None:
        return _to_sign_in(root, ended=False)
    if who.actor.role not in policy.roles:
        _note_denied("role", event.name, who)
        return StateUpdate()
    return None


def _note_denied(reason: str, handler: str, who: UserSession | None) -> None:
    user = who.actor.user_id if who else None
    _notes.warning(
        "guard.event_denied", kind=f"{reason}:{handler}", reason=reason, handler=handler, user=user
    )


def policy_of(event_name: str) -> Policy | None:
    """The policy of a registered handler; a handler without a policy is never run, ``setvar`` among them."""
    registered = RegistrationContext.get().event_handlers.get(event_name)
    return getattr(registered.handler.fn, _POLICY, None) if registered else None


def check_policies() -> None:
    """Stop the start when one of our handlers carries no policy. Called when all pages are registered."""
    missing = [
        name
        for name, registered in RegistrationContext.get().event_handlers.items()
        if name not in FRAMEWORK
        and not name.endswith(".setvar")
        and not registered.handler.fn.__module__.startswith(_FRAMEWORK_MODULES)
        and getattr(registered.handler.fn, _POLICY, None) is None
    ]
    if missing:
        raise RuntimeError(f"event handlers without @allow: {', '.join(sorted(missing))}")


def _to_sign_in(root: BaseState, *, ended: bool) -> StateUpdate:
    """Leads to the sign-in page, and from there back to the page that the event came from."""
    here = root.router.url
    target = routes.sign_in_again(here.path, here.query, error=SignInRequired.code if ended else "")
    return StateUpdate(events=Event.from_event_type(rx.redirect(target)))


def told(**changes: bool | int | str) -> StateUpdate:
    """The update that a page gets instead of running an event."""
    named = {f"{name}{FIELD_MARKER}": value for name, value in changes.items()}
    return StateUpdate(delta={ConnectionState.get_full_name(): named})


def _shorten(event: Event) -> None:
    """Cut a browser's report of its own error: Reflex's patterns would search a long one for minutes."""
    for name, value in event.payload.items():
        event.payload[name] = str(value)[:LONGEST_REPORT]
