"""Types of accounts: users, new users, sessions and sign-ins."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, NewType, get_args
from uuid import UUID

from backend.actor import Actor, Role, TenantId, UserId
from backend.i18n.catalog import DEFAULT_LANGUAGE, Lang

SessionId = NewType("SessionId", UUID)

Theme = Literal["light", "dark", "system"]
THEMES: tuple[Theme, ...] = get_args(Theme)


def as_theme(value: str | None) -> Theme:
    """The theme named by an untrusted value, else the theme of the visitor's system."""
    return value if value in THEMES else "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who can sign in, unless disabled."""

    id: UserId
    email: str
    name: str
    role: Role
    tenant_id: TenantId | None
    language: Lang
    theme: Theme
    created_at: datetime
    disabled_at: datetime | None

    @property
    def is_disabled(self) -> bool:
        """Whether sign-in is closed to this person."""
        return self.disabled_at is not None

    @property
    def actor(self) -> Actor:
        """The user as an actor; ``name`` is the e-mail address, because that is unique."""
        return Actor(
            name=self.email,
            role=self.role,
            user_id=self.id,
            tenant_id=self.tenant_id,
            language=self.language,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user to be created. A tenant's role needs a tenant, a role of our staff has none."""

    email: str
    name: str
    password: str = field(repr=False)
    role: Role
    tenant_id: TenantId | None = None
    language: Lang = DEFAULT_LANGUAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A user with the stored password hash; the hash never appears in ``repr``."""

    user: User
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Origin of a sign-in, as told by the browser and the proxy."""

    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSession:
    """A signed-in browser and its user."""

    id: SessionId
    actor: Actor
    email: str
    name: str
    language: Lang
    theme: Theme
    tenant_id: TenantId | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str
    is_current: bool = False


class SessionsFound(NamedTuple):
    """A stretch of a person's living sessions, latest visit first, and how many there are in all."""

    rows: list[UserSession]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A new session and its token, which exists nowhere else in the clear: it goes into the cookie."""

    token: str = field(repr=False)
    session: UserSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """The recent failed attempts of one account, or from one address."""

    count: int
    latest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """Numbers of rows that housekeeping removed."""

    sessions: int
    attempts: int
