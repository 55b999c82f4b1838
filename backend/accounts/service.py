"""Use cases of accounts: create users, sign in and out, and change one's own settings."""

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from backend.accounts import passwords, repository, rules
from backend.accounts.types import (
    THEMES,
    Credential,
    NewUser,
    Purged,
    SessionId,
    SessionsFound,
    SignedIn,
    Theme,
    User,
    UserSession,
    Visit,
)
from backend.actor import (
    OPERATOR_ROLES,
    STAFF_ROLES,
    Actor,
    Role,
    TenantId,
    UserId,
    own_tenant,
    require_process,
    require_role_or_process,
)
from backend.audit import service as audit
from backend.clock import utc_now
from backend.config import settings
from backend.db.engine import transaction
from backend.errors import Conflict, Forbidden, Invalid, NotFound, SignInFailed, TooManyAttempts
from backend.free_text import received
from backend.i18n.catalog import LANGUAGES, Lang
from backend.log import get_logger

log = get_logger(__name__)

KEPT_AFTER_END = timedelta(days=30)
MAX_PAGE = 100


def create_user(actor: Actor, new: NewUser) -> User:
    """Create a user who can sign in at once. For processes, and for a tenant's admin within the own tenant.

    Raises:
        Forbidden, NotFound: this actor may not create such a user.
        Invalid: the address, name, password or the pair of role and tenant does not fit.
        Conflict: the address belongs to somebody already.
    """
    rules.require_may_create(actor, new)
    user = _checked(new)
    password_hash = passwords.hash_of(new.password)
    with transaction():
        if not repository.insert_user(user, password_hash):
            raise Conflict(reason="email_taken")
        audit.record(actor, "user.created", f"user:{user.id}", {"email": user.email, "role": user.role})
    log.info("user.created", user=user.id, role=user.role, by=actor.name)
    return user


def users(actor: Actor, tenant_id: TenantId | None = None) -> list[User]:
    """The users of a tenant, or all. For processes and staff; a tenant's admin sees the own tenant's only."""
    if actor.process or actor.role in STAFF_ROLES:
        return repository.users(tenant_id)
    own = tenant_id or own_tenant(actor)
    rules.require_manages(actor, own)
    return repository.users(own)


def disable_user(actor: Actor, user_id: UserId) -> None:
    """Close sign-in for a user and end the open sessions. For processes, and for the admin of the user's tenant.

    Raises:
        NotFound: no such user, or none of the admin's tenant.
        Conflict: an admin tries to disable oneself.
    """
    user = _managed(actor, user_id)
    if user.id == actor.user_id:
        raise Conflict(reason="own_account")
    now = utc_now()
    with transaction():
        repository.set_disabled(user.id, now)
        repository.revoke_sessions(user.id, now)
        audit.record(actor, "user.disabled", f"user:{user.id}", {"email": user.email})
    log.info("user.disabled", user=user.id, by=actor.name)


def enable_user(actor: Actor, user_id: UserId) -> None:
    """Open sign-in again for a disabled user. For processes, and for the admin of the user's tenant."""
    user = _managed(actor, user_id)
    with transaction():
        repository.set_disabled(user.id, None)
        audit.record(actor, "user.enabled", f"user:{user.id}", {"email": user.email})
    log.info("user.enabled", user=user.id, by=actor.name)


def user_with_email(actor: Actor, email: str) -> User:
    """The user with an address. For processes. Raises NotFound."""
    require_process(actor)
    if (found := repository.credential(rules.sign_in_name(email))) is None:
        raise NotFound(reason="email")
    return found.user


def approvers(actor: Actor) -> list[User]:
    """Every approver whose account is open. For operators and processes."""
    require_role_or_process(actor, *OPERATOR_ROLES)
    return [user for user in repository.users(None) if user.role is Role.APPROVER and not user.is_disabled]


def require_enabled(actor: Actor) -> None:
    """Let through a person whose account is open and has the actor's role now. Raises Forbidden."""
    user = repository.user(actor.user_id) if actor.user_id else None
    if user is None or user.is_disabled or user.role is not actor.role:
        raise Forbidden


def tenant_with_label(actor: Actor, label: str) -> TenantId:
    """The tenant that a new user is to belong to, by its label. For processes. Raises NotFound."""
    require_process(actor)
    if (tenant_id := repository.tenant_with_label(label)) is None:
        raise NotFound(reason="tenant_label")
    return tenant_id


def sign_in(email: str, password: str, *, address: str, user_agent: str) -> SignedIn:
    """Open a session for a correct password. Open to everybody, so it is rate-limited.

    A wrong address, a wrong password and a disabled account look alike and take equally long.

    Raises:
        SignInFailed: address and password do not belong together.
        TooManyAttempts: the account or the address must wait ``wait_s`` seconds; the password was not looked at.
    """
    name, visit = rules.sign_in_name(email), Visit(address=address, user_agent=user_agent)
    credential = _authenticate(name, password, visit.address)
    token = _new_token()
    session = _new_session(credential.user, visit, utc_now())
    renewed = passwords.hash_of(password) if passwords.is_outdated(credential.password_hash) else None
    with transaction():
        if not repository.is_current_hash(credential.user.id, credential.password_hash):
            raise SignInFailed
        repository.forget_attempts(name)
        repository.insert_session(session, credential.user.id, rules.token_digest(token))
        repository.revoke_all_but_newest(credential.user.id, rules.MOST_SESSIONS, session.created_at)
        if renewed:
            repository.set_password_hash(credential.user.id, renewed)
    log.info("user.signed_in", user=credential.user.id, session=session.id, address=session.address)
    return SignedIn(token=token, session=session)


def session_of(token: str, *, notes_visit: bool = True) -> UserSession | None:
    """The session that a cookie's token opens, if it is alive. Open to everybody: the token is the proof.

    One indexed query; the visit is written down at most once a minute, and not at all where a page asks by itself.
    """
    if len(token) != rules.TOKEN_LENGTH:
        return None
    now = utc_now()
    session = repository.session_with(rules.token_digest(token))
    if session is None or not rules.is_alive(session, now, _idle()):
        return None
    if notes_visit and rules.is_worth_noting(session, now):
        repository.note_visit(session.id, now)
    return replace(session, is_current=True)


def sign_out(token: str) -> None:
    """End the session of a token, if there is one. Open to everybody: the token is the proof."""
    repository.revoke_token(rules.token_digest(token), utc_now())


def sign_out_everywhere(actor: Actor) -> int:
    """End every session of the actor, this session included; returns their number."""
    user_id = _person(actor)
    ended = repository.revoke_sessions(user_id, utc_now())
    log.info("user.signed_out_everywhere", user=user_id, sessions=ended)
    return ended


def sessions(
    actor: Actor, *, current: SessionId | None = None, limit: int = MAX_PAGE, offset: int = 0
) -> SessionsFound:
    """A stretch of the living sessions of the person who acts, latest visit first; ``current`` is marked as such."""
    user_id, now = _person(actor), utc_now()
    limit, offset = max(1, min(limit, MAX_PAGE)), max(0, offset)
    found, total = repository.sessions_of(user_id, now, now - _idle(), limit=limit, offset=offset)
    return SessionsFound([replace(each, is_current=each.id == current) for each in found], total)


def revoke(actor: Actor, session_id: SessionId) -> None:
    """End a session of the actor. Raises NotFound when it is not an open session of the same person."""
    user_id = _person(actor)
    if not repository.revoke_session(user_id, session_id, utc_now()):
        raise NotFound
    log.info("session.revoked", user=user_id, session=session_id)


def set_language(actor: Actor, lang: Lang) -> None:
    """Store the actor's language. Raises Invalid for a language that the catalogue lacks."""
    user_id = _person(actor)
    if lang not in LANGUAGES:
        raise Invalid(field="language")
    repository.set_language(user_id, lang)


def set_theme(actor: Actor, theme: Theme) -> None:
    """Store the actor's theme. Raises Invalid for an unknown theme."""
    user_id = _person(actor)
    if theme not in THEMES:
        raise Invalid(field="theme")
    repository.set_theme(user_id, theme)


def change_password(actor: Actor, old: str, new: str, *, keep: SessionId | None = None) -> str | None:
    """Replace the actor's password and end all other sessions; ``keep`` names the current one.

    Returns the new token of the kept session, None when none was kept: a copy of the old token opens nothing more.

    Raises:
        SignInFailed, TooManyAttempts: as for sign-in, about the old password.
        Invalid: the new password does not fit.
    """
    user = repository.user(_person(actor))
    if user is None:
        raise Forbidden
    rules.checked_password(new, user.email)
    credential = _authenticate(user.email, old, "", is_inside=True)
    password_hash, token = passwords.hash_of(new), _new_token()
    with transaction():
        if not repository.is_current_hash(user.id, credential.password_hash):
            raise SignInFailed
        repository.forget_attempts(user.email)
        repository.set_password_hash(user.id, password_hash)
        repository.revoke_sessions(user.id, utc_now(), keep=keep)
        is_kept = keep is not None and repository.renew_token(user.id, keep, rules.token_digest(token))
        audit.record(actor, "user.password_changed", f"user:{user.id}", {})
    log.info("user.password_changed", user=user.id)
    return token if is_kept else None


def reset_password(actor: Actor, user_id: UserId, new: str) -> None:
    """Give a user a new password and end all sessions. For processes: a person at the server's terminal."""
    require_process(actor)
    if (user := repository.user(user_id)) is None:
        raise NotFound
    rules.checked_password(new, user.email)
    password_hash = passwords.hash_of(new)
    with transaction():
        repository.forget_attempts(user.email)
        repository.set_password_hash(user.id, password_hash)
        repository.revoke_sessions(user.id, utc_now())
        audit.record(actor, "user.password_reset", f"user:{user.id}", {"email": user.email})
    log.info("user.password_reset", user=user.id, by=actor.name)


def purge_expired(actor: Actor, now: datetime) -> Purged:
    """Remove sessions that ended a month ago and failed attempts that no longer count. For processes."""
    require_process(actor)
    ended = now - KEPT_AFTER_END
    return Purged(
        sessions=repository.purge_sessions(ended, ended - _idle()),
        attempts=repository.purge_attempts(now - rules.FAILURE_MEMORY),
    )


def _checked(new: NewUser) -> User:
    email = rules.checked_email(new.email)
    rules.checked_password(new.password, email)
    rules.checked_belonging(new.role, new.tenant_id)
    return User(
        id=UserId(uuid4()),
        email=email,
        name=rules.checked_name(new.name),
        role=new.role,
        tenant_id=new.tenant_id,
        language=new.language,
        theme="system",
        created_at=utc_now(),
        disabled_at=None,
    )


def _managed(actor: Actor, user_id: UserId) -> User:
    user = repository.user(user_id)
    rules.require_manages(actor, user.tenant_id if user else None)
    if user is None:
        raise NotFound
    return user


def _authenticate(name: str, password: str, address: str, *, is_inside: bool = False) -> Credential:
    _admit(name, rules.address_group(address), is_inside=is_inside)
    credential = repository.credential(name)
    is_right = passwords.matches(password, credential.password_hash if credential else None)
    if credential is None or not is_right or credential.user.is_disabled:
        log.warning("sign_in.failed", address=address)
        raise SignInFailed
    return credential


def _admit(name: str, address: str, *, is_inside: bool) -> None:
    """Count the attempt as a failure before the password is looked at, so that parallel guesses see each other.

    Where the account was signed in to lately, or still is (``is_inside``), only failures from there make it wait:
    otherwise whoever knows an e-mail address could keep its owner out for good.
    """
    with transaction():
        repository.lock_attempts(name, address)
        now = utc_now()
        since = now - rules.FAILURE_MEMORY
        places = repository.addresses_of_account(name, now - rules.KNOWN_PLACE_MEMORY)
        is_known = is_inside or rules.is_known_place(address, places)
        failures = repository.failures_of_account(name, since, address=address if is_known else None)
        waits = [rules.wait(failures, rules.ACCOUNT_FREE_FAILURES, now)]
        if address:
            failures = repository.failures_of_address(address, since)
            waits.append(rules.wait(failures, rules.ADDRESS_FREE_FAILURES, now))
        if longest := max(waits):
            raise TooManyAttempts(wait_s=rules.whole_seconds(longest))
        repository.insert_attempt(name, address, now)


def _new_token() -> str:
    return secrets.token_urlsafe(32)


def _new_session(user: User, visit: Visit, now: datetime) -> UserSession:
    return UserSession(
        id=SessionId(uuid4()),
        actor=user.actor,
        email=user.email,
        name=user.name,
        language=user.language,
        theme=user.theme,
        tenant_id=user.tenant_id,
        created_at=now,
        last_seen_at=now,
        expires_at=now + timedelta(seconds=settings().session_life_s),
        address=received(visit.address, 64),
        user_agent=received(visit.user_agent, 300),
        is_current=True,
    )


def _person(actor: Actor) -> UserId:
    if actor.process or actor.user_id is None:
        raise Forbidden
    return actor.user_id


def _idle() -> timedelta:
    return timedelta(seconds=settings().session_idle_s)
