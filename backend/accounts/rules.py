"""Rules of accounts: which addresses, passwords and roles are accepted, how long a failed sign-in must wait."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from itertools import pairwise
from math import ceil

from backend import mail_address
from backend.accounts.common_passwords import COMMON_PASSWORDS
from backend.accounts.types import Failures, NewUser, UserSession
from backend.actor import TENANT_ROLES, Actor, Role, TenantId, own_tenant, require_role
from backend.errors import Forbidden, Invalid, NotFound
from backend.free_text import pasted, received, written

PASSWORD_MIN_LENGTH = 10
# Hashing a longer one would only cost the server memory and time.
PASSWORD_MAX_LENGTH = 200
NAME_MAX_LENGTH = 120
TOKEN_LENGTH = 43  # 32 bytes in URL-safe base64 without padding

ACCOUNT_FREE_FAILURES = 5
# Offices share an address, so it is given more room than an account.
ADDRESS_FREE_FAILURES = 30
# Nobody has so many browsers. The oldest session ends when one more begins.
MOST_SESSIONS = 50
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=15)
FAILURE_MEMORY = timedelta(hours=24)
KNOWN_PLACE_MEMORY = timedelta(days=30)  # housekeeping keeps sessions for at least as long
SEEN_STEP = timedelta(minutes=1)


def sign_in_name(email: str) -> str:
    """Canonical form of an address for comparing and counting; accepts any text, typed or pasted."""
    try:
        return mail_address.checked(email)
    except ValueError:
        return received(pasted(email), mail_address.MAX_LENGTH).lower()


def address_group(address: str) -> str:
    """Rate-limit key of an address: an IPv4 address, or an IPv6 network of 64 bits, because a single line owns it."""
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return received(address, 64)
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
    return str(parsed)


def is_known_place(group: str, addresses: Iterable[str]) -> bool:
    """Whether any of these addresses belongs to a group; False for an empty group."""
    return bool(group) and any(address_group(address) == group for address in addresses)


def checked_email(email: str) -> str:
    """An e-mail address in its one stored form. Raises Invalid unless mail can be sent to it."""
    try:
        return mail_address.checked(email)
    except ValueError:
        raise Invalid(field="email", reason="email") from None


def checked_name(name: str, field: str = "name") -> str:
    """A name in one line. Raises Invalid when nothing of it is seen, it is too long or holds control characters."""
    try:
        return written(name, longest=NAME_MAX_LENGTH)
    except ValueError:
        raise Invalid(field=field, reason="name", max_length=NAME_MAX_LENGTH) from None


def checked_password(password: str, email: str) -> None:
    """Let through a password that is long enough and no first guess. Raises Invalid otherwise."""
    if len(password) < PASSWORD_MIN_LENGTH:
        raise Invalid(field="password", reason="password_too_short", min_length=PASSWORD_MIN_LENGTH)
    if len(password) > PASSWORD_MAX_LENGTH:
        raise Invalid(field="password", reason="password_too_long", max_length=PASSWORD_MAX_LENGTH)
    if _is_first_guess(password, email):
        raise Invalid(field="password", reason="password_too_simple")


def _is_first_guess(password: str, email: str) -> bool:
    """Whether a password is a common one, a repetition, a series, or made of the address."""
    # Persian and Latin digits are the same guess.
    guess = "".join(str(unicodedata.decimal(char, char)) for char in password).strip().lower()
    stem = _stem(guess)
    is_common = stem in COMMON_PASSWORDS
    is_own = email.startswith(guess) or stem in {email, _stem(email.partition("@")[0])} - {""}
    return is_common or is_own or _repeats(guess) or _counts(guess)


def _stem(guess: str) -> str:
    """A guess from its first letter to its last, without the digits and signs around them."""
    return re.sub(r"^[\W\d_]+|[\W\d_]+$", "", guess)


def _repeats(guess: str) -> bool:
    """Whether a guess is one piece written again and again; the last time it may break off."""
    return any(guess[size:] == guess[:-size] for size in range(1, (len(guess) + 1) // 2 + 1))


def _counts(guess: str) -> bool:
    """Whether each letter is as far from the one before as the next is, digits in a ring: 7890, 0864, abcd."""
    if guess.isdecimal():
        return len({(int(after) - int(before)) % 10 for before, after in pairwise(guess)}) <= 1
    return len({ord(after) - ord(before) for before, after in pairwise(guess)}) <= 1


def password_bytes(password: str) -> bytes:
    """Bytes of a password for hashing: the same on every keyboard, however it composes its letters."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def require_may_create(actor: Actor, new: NewUser) -> None:
    """Let through a system process, and a tenant's admin who adds a colleague with a tenant's role.

    Raises:
        Forbidden: anybody else, or an admin who asks for a role of our staff.
        NotFound: an admin who names another tenant.
    """
    if actor.process:
        return
    require_role(actor, Role.TENANT_ADMIN)
    if new.role not in TENANT_ROLES:
        raise Forbidden
    if new.tenant_id != own_tenant(actor):
        raise NotFound


def require_manages(actor: Actor, tenant_id: TenantId | None) -> None:
    """Let through a system process, and the admin of the tenant that a user belongs to.

    Raises:
        Forbidden: a person who is no tenant's admin.
        NotFound: an admin who reaches for somebody outside the own tenant.
    """
    if actor.process:
        return
    require_role(actor, Role.TENANT_ADMIN)
    if tenant_id != own_tenant(actor):
        raise NotFound


def checked_belonging(role: Role, tenant_id: TenantId | None) -> None:
    """Let through a tenant's role with a tenant, and a staff role without one. Raises Invalid otherwise."""
    if (role in TENANT_ROLES) != (tenant_id is not None):
        raise Invalid(field="tenant_id", reason="role_and_tenant")


def wait(failures: Failures, free: int, now: datetime) -> timedelta:
    """Time until the next attempt is allowed; zero when it may go on.

    The first ``free`` failures cost nothing, then the wait doubles with each, up to a quarter of an hour.
    """
    if failures.latest is None or failures.count < free:
        return timedelta(0)
    factor: int = 2 ** min(failures.count - free, 20)
    until = failures.latest + min(FIRST_WAIT * factor, LONGEST_WAIT)
    return max(until - now, timedelta(0))


def whole_seconds(wait: timedelta) -> int:
    """A wait in whole seconds, rounded up, so that it is over when they have passed."""
    return ceil(wait.total_seconds())


def token_digest(token: str) -> bytes:
    """Stored form of a session's token. The token is 32 random bytes, so a plain hash hides it well."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def is_alive(session: UserSession, now: datetime, idle: timedelta) -> bool:
    """Whether a session still counts: neither past its end nor idle for too long."""
    return now < session.expires_at and now < session.last_seen_at + idle


def is_worth_noting(session: UserSession, now: datetime) -> bool:
    """Whether the last visit is long enough ago to be written again."""
    return now - session.last_seen_at >= SEEN_STEP
