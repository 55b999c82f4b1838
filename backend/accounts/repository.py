"""SQL of accounts: users and their sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zlib import crc32

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    and_,
    cast,
    column,
    delete,
    func,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from backend.accounts.models import SignInAttemptRow, UserAccountRow, UserSessionRow
from backend.accounts.types import Credential, Failures, SessionId, User, UserSession, as_theme
from backend.actor import Role, TenantId, UserId
from backend.db.engine import read, transaction
from backend.db.locks import LockNumber
from backend.i18n.catalog import as_language

_USER = (
    UserAccountRow.id.label("user_id"),
    UserAccountRow.email,
    UserAccountRow.name,
    UserAccountRow.role,
    UserAccountRow.tenant_id,
    UserAccountRow.language,
    UserAccountRow.theme,
    UserAccountRow.created_at,
    UserAccountRow.disabled_at,
)
_SESSION = (
    UserSessionRow.id.label("session_id"),
    UserSessionRow.created_at.label("session_created_at"),
    UserSessionRow.last_seen_at,
    UserSessionRow.expires_at,
    UserSessionRow.address,
    UserSessionRow.user_agent,
)
# A layer above owns the tenants; only the label on the command line is looked up here.
_TENANT = table("tenant", column("id"), column("label"))


def insert_user(user: User, password_hash: str) -> bool:
    """Store a user; False when the address is taken."""
    values = {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "password_hash": password_hash,
        "role": user.role.value,
        "tenant_id": user.tenant_id,
        "language": user.language,
        "theme": user.theme,
        "created_at": user.created_at,
    }
    free = insert(UserAccountRow).on_conflict_do_nothing(index_elements=["email"])
    statement = free.values(values).returning(UserAccountRow.id)
    with transaction() as connection:
        return connection.scalar(statement) is not None


def credential(email: str) -> Credential | None:
    """The user with an address, and the hash of the password."""
    with read() as connection:
        found = connection.execute(
            select(*_USER, UserAccountRow.password_hash).where(UserAccountRow.email == email)
        ).one_or_none()
    return Credential(user=to_user(found), password_hash=found.password_hash) if found else None


def user(user_id: UserId) -> User | None:
    """The user with this id; None when there is none."""
    with read() as connection:
        found = connection.execute(select(*_USER).where(UserAccountRow.id == user_id)).one_or_none()
    return to_user(found) if found else None


def users(tenant_id: TenantId | None) -> list[User]:
    """The users of a tenant, or all users, by address."""
    statement = select(*_USER).order_by(UserAccountRow.email)
    if tenant_id is not None:
        statement = statement.where(UserAccountRow.tenant_id == tenant_id)
    with read() as connection:
        return [to_user(row) for row in connection.execute(statement)]


def tenant_with_label(label: str) -> TenantId | None:
    """The tenant that a label names."""
    with read() as connection:
        found: UUID | None = connection.scalar(select(_TENANT.c.id).where(_TENANT.c.label == label))
    return TenantId(found) if found else None


def set_password_hash(user_id: UserId, password_hash: str) -> None:
    """Replace the hash of a user's password."""
    _change(user_id, password_hash=password_hash)


def is_current_hash(user_id: UserId, password_hash: str) -> bool:
    """Whether a hash still opens an enabled account. The row stays locked until the transaction ends."""
    statement = select(UserAccountRow.id).where(
        UserAccountRow.id == user_id,
        UserAccountRow.password_hash == password_hash,
        UserAccountRow.disabled_at.is_(None),
    )
    with transaction() as connection:
        return connection.scalar(statement.with_for_update()) is not None


def set_language(user_id: UserId, language: str) -> None:
    """Remember a user's language."""
    _change(user_id, language=language)


def set_theme(user_id: UserId, theme: str) -> None:
    """Remember a user's theme."""
    _change(user_id, theme=theme)


def set_disabled(user_id: UserId, at: datetime | None) -> None:
    """Close or open sign-in for a user."""
    _change(user_id, disabled_at=at)


def insert_session(session: UserSession, user_id: UserId, token_sha256: bytes) -> None:
    """Store a session under the hash of its token."""
    with transaction() as connection:
        connection.execute(
            insert(UserSessionRow).values(
                id=session.id,
                token_sha256=token_sha256,
                user_id=user_id,
                created_at=session.created_at,
                last_seen_at=session.last_seen_at,
                expires_at=session.expires_at,
                address=session.address,
                user_agent=session.user_agent,
            )
        )


def session_with(token_sha256: bytes) -> UserSession | None:
    """The session of a token, unless it was revoked or its user disabled."""
    with read() as connection:
        found = connection.execute(
            _open_sessions().where(UserSessionRow.token_sha256 == token_sha256)
        ).one_or_none()
    return to_session(found) if found else None


def sessions_of(
    user_id: UserId, now: datetime, idle_since: datetime, *, limit: int, offset: int
) -> tuple[list[UserSession], int]:
    """A stretch of the living sessions of a user, latest visit first, and how many there are in all."""
    row = UserSessionRow
    alive = _open_sessions().where(
        row.user_id == user_id, row.expires_at > now, row.last_seen_at > idle_since
    )
    page = alive.order_by(row.last_seen_at.desc(), row.id).limit(limit).offset(offset)
    with read() as connection:
        total = connection.scalar(
            select(func.count()).select_from(alive.with_only_columns(row.id).subquery())
        )
        return [to_session(found) for found in connection.execute(page)], total or 0


def note_visit(session_id: SessionId, now: datetime) -> None:
    """Move a session's last visit forward."""
    with transaction() as connection:
        connection.execute(
            update(UserSessionRow)
            .where(UserSessionRow.id == session_id, UserSessionRow.last_seen_at < now)
            .values(last_seen_at=now)
        )


def revoke_token(token_sha256: bytes, now: datetime) -> None:
    """End the session of a token."""
    with transaction() as connection:
        connection.execute(
            update(UserSessionRow)
            .where(UserSessionRow.token_sha256 == token_sha256, UserSessionRow.revoked_at.is_(None))
            .values(revoked_at=now)
        )


def revoke_session(user_id: UserId, session_id: SessionId, now: datetime) -> bool:
    """End one session of a user; False when the user has no such open session."""
    return _change_open_session(user_id, session_id, revoked_at=now)


def revoke_sessions(user_id: UserId, now: datetime, *, keep: SessionId | None = None) -> int:
    """End every session of a user, save one that may be kept; how many there were."""
    statement = update(UserSessionRow).where(
        UserSessionRow.user_id == user_id, UserSessionRow.revoked_at.is_(None)
    )
    if keep is not None:
        statement = statement.where(UserSessionRow.id != keep)
    with transaction() as connection:
        return connection.execute(statement.values(revoked_at=now)).rowcount


def revoke_all_but_newest(user_id: UserId, count: int, now: datetime) -> None:
    """End the sessions of a user that were opened before the newest ``count``."""
    is_open = (UserSessionRow.user_id == user_id) & UserSessionRow.revoked_at.is_(None)
    newest = select(UserSessionRow.id).where(is_open).order_by(UserSessionRow.created_at.desc()).limit(count)
    with transaction() as connection:
        connection.execute(
            update(UserSessionRow).where(is_open, UserSessionRow.id.not_in(newest)).values(revoked_at=now)
        )


def renew_token(user_id: UserId, session_id: SessionId, token_sha256: bytes) -> bool:
    """Put a session of a user under another token's hash; False when the user has no such open session."""
    return _change_open_session(user_id, session_id, token_sha256=token_sha256)


def _change_open_session(user_id: UserId, session_id: SessionId, **values: object) -> bool:
    statement = update(UserSessionRow).where(
        UserSessionRow.id == session_id,
        UserSessionRow.user_id == user_id,
        UserSessionRow.revoked_at.is_(None),
    )
    with transaction() as connection:
        return connection.execute(statement.values(**values)).rowcount == 1


def purge_sessions(before: datetime, idle_before: datetime) -> int:
    """Remove sessions that ended, were revoked, or were last used, before those instants; how many."""
    with transaction() as connection:
        return connection.execute(
            delete(UserSessionRow).where(
                or_(
                    UserSessionRow.expires_at < before,
                    UserSessionRow.revoked_at < before,
                    UserSessionRow.last_seen_at < idle_before,
                )
            )
        ).rowcount


def lock_attempts(email: str, address: str) -> None:
    """Lock the attempts of this account or address against counting and adding until the open transaction ends."""
    # Every transaction takes the account's lock before the address's, so two never wait for each other.
    with transaction() as connection:
        for space, text in ((LockNumber.SIGN_IN_ACCOUNT, email), (LockNumber.SIGN_IN_ADDRESS, address)):
            number = cast(crc32(text.encode()) - 2**31, Integer)
            connection.execute(select(func.pg_advisory_xact_lock(space, number)))


def failures_of_account(email: str, since: datetime, *, address: str | None = None) -> Failures:
    """Failed attempts on an account, which need not exist; with ``address``, only those from there."""
    matches = SignInAttemptRow.email == email
    if address is not None:
        matches = and_(matches, SignInAttemptRow.address == address)
    return _failures(matches, since)


def addresses_of_account(email: str, since: datetime) -> list[str]:
    """The addresses from which an account was signed in to, also in sessions that have ended meanwhile."""
    statement = (
        select(UserSessionRow.address)
        .distinct()
        .join(UserAccountRow, UserAccountRow.id == UserSessionRow.user_id)
        .where(UserAccountRow.email == email, UserSessionRow.created_at > since)
    )
    with read() as connection:
        return list(connection.scalars(statement))


def failures_of_address(address: str, since: datetime) -> Failures:
    """The failed attempts from an address."""
    return _failures(SignInAttemptRow.address == address, since)


def insert_attempt(email: str, address: str, now: datetime) -> None:
    """Count an attempt as failed; a success forgets it again."""
    with transaction() as connection:
        connection.execute(insert(SignInAttemptRow).values(email=email, address=address, at=now))


def forget_attempts(email: str) -> None:
    """Forget the failures of an account whose owner has signed in."""
    with transaction() as connection:
        connection.execute(delete(SignInAttemptRow).where(SignInAttemptRow.email == email))


def purge_attempts(before: datetime) -> int:
    """Remove failed attempts older than an instant; how many."""
    with transaction() as connection:
        return connection.execute(delete(SignInAttemptRow).where(SignInAttemptRow.at < before)).rowcount


def to_user(row: Row[*tuple[Any, ...]]) -> User:
    """A user from the columns of ``_USER``."""
    return User(
        id=UserId(row.user_id),
        email=row.email,
        name=row.name,
        role=Role(row.role),
        tenant_id=TenantId(row.tenant_id) if row.tenant_id else None,
        language=as_language(row.language),
        theme=as_theme(row.theme),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )


def to_session(row: Row[*tuple[Any, ...]]) -> UserSession:
    """A session from the columns of ``_USER`` and ``_SESSION``."""
    user = to_user(row)
    return UserSession(
        id=SessionId(row.session_id),
        actor=user.actor,
        email=user.email,
        name=user.name,
        language=user.language,
        theme=user.theme,
        tenant_id=user.tenant_id,
        created_at=row.session_created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        address=row.address,
        user_agent=row.user_agent,
    )


def _open_sessions() -> Select[*tuple[Any, ...]]:
    return (
        select(*_USER, *_SESSION)
        .join(UserAccountRow, UserAccountRow.id == UserSessionRow.user_id)
        .where(UserSessionRow.revoked_at.is_(None), UserAccountRow.disabled_at.is_(None))
    )


def _failures(matches: ColumnElement[bool], since: datetime) -> Failures:
    statement = select(func.count(), func.max(SignInAttemptRow.at)).where(
        matches, SignInAttemptRow.at > since
    )
    with read() as connection:
        count, latest = connection.execute(statement).one()
    return Failures(count=count, latest=latest)


def _change(user_id: UserId, **values: str | datetime | None) -> None:
    with transaction() as connection:
        connection.execute(update(UserAccountRow).where(UserAccountRow.id == user_id).values(**values))
