"""Hashing of passwords with argon2id. Slow on purpose, so it never runs inside a transaction."""

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.accounts.rules import password_bytes

# OWASP's first recommendation for argon2id: 46 MiB and one pass, under a tenth of a second.
_hasher = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
# A flood of sign-ins must not take more memory than this many hashes need.
_room = BoundedSemaphore(4)


def hash_of(password: str) -> str:
    """A salted hash with its parameters inside."""
    with _room:
        return _hasher.hash(password_bytes(password))


def matches(password: str, password_hash: str | None) -> bool:
    """Whether a password fits a hash; without a hash it is False after the same work."""
    if password_hash is None:
        hash_of(password)
        return False
    with _room:
        try:
            return _hasher.verify(password_hash, password_bytes(password))
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(password_hash: str) -> bool:
    """Whether a hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)
