"""DocuChat's login tokens: JSON Web Tokens, signed with one key and verified by the key that their ``kid`` names."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

TOKEN_LIFE_S = 900.0


class UnknownTokenError(Exception):
    """A token that this process does not accept: 401."""


def issue(user: str, keys: Mapping[str, str], kid: str, *, life_s: float = TOKEN_LIFE_S) -> str:
    """A token of a user, signed with the key that ``kid`` names."""
    head = _packed({"alg": "HS256", "typ": "JWT", "kid": kid})
    body = _packed({"sub": user, "exp": time.time() + life_s})
    return f"{head}.{body}.{_signature(f'{head}.{body}', keys[kid])}"


def user_of(token: str, keys: Mapping[str, str]) -> str:
    """The user of a token. Only the key that its ``kid`` names is tried.

    Raises:
        UnknownTokenError: the ``kid`` is missing or unknown, the signature is another one, or the time is over.
    """
    try:
        head, body, signature = token.split(".")
        key = keys[_unpacked(head).get("kid", "")]
        claims = _unpacked(body)
    except (ValueError, KeyError):
        raise UnknownTokenError from None
    if not hmac.compare_digest(signature, _signature(f"{head}.{body}", key)) or claims["exp"] < time.time():
        raise UnknownTokenError
    return str(claims["sub"])


def _signature(text: str, key: str) -> str:
    return _base64(hmac.digest(key.encode(), text.encode(), hashlib.sha256))


def _packed(claims: Mapping[str, object]) -> str:
    return _base64(json.dumps(claims).encode())


def _unpacked(part: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
