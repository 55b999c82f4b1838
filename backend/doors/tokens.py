"""Bearer tokens of doors: made here, kept by the sender, known to the portal by their hash alone.

A token is 256 random bits, so one round of SHA-256 is enough: there is nothing to guess, as there is in a password.
"""

import hmac
import re
import secrets
from hashlib import sha256

TOKEN_BYTES = 32
# The one in use, and the one before it while senders are given the new one.
MOST_HASHES = 2
LONGEST_TOKEN = 512
_HASH = re.compile(r"[0-9a-f]{64}")


def new_token() -> str:
    """A fresh token: 256 random bits as 43 characters for a header."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> str:
    """The SHA-256 of a token, in 64 hexadecimal digits."""
    return sha256(token.encode()).hexdigest()


def opens(authorization: str, hashes: tuple[str, ...]) -> bool:
    """Whether the value of an Authorization header carries the token of one of these hashes, in constant time."""
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() != "bearer" or len(credential) > LONGEST_TOKEN:
        return False
    given = hash_of(credential.strip())
    # Each one is compared, so that the time says nothing of which one fitted.
    return sum(hmac.compare_digest(given, each) for each in hashes) > 0


def hashes_in(setting: str) -> tuple[str, ...]:
    """The hashes of a setting, with a comma between two. Raises ValueError for anything else."""
    found = tuple(each.strip() for each in setting.split(","))
    if len(found) > MOST_HASHES or not all(_HASH.fullmatch(each) for each in found):
        raise ValueError(
            "must be the SHA-256 of a token in 64 hexadecimal digits, as `python -m backend.doors new-token` prints it,"
            " or two of them with a comma between"
        )
    return found
