"""The Secret of the keys that sign and verify DocuChat's login tokens. Pure.

``keys`` is a JSON object from key id to key, ``signing-kid`` names the key that signs, ``signing-since`` tells since
when. A token is verified by the key that its ``kid`` names, and no other is tried.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from backend.errors import Refused

KEYS, SIGNING, SINCE = "keys", "signing-kid", "signing-since"
SKEW = timedelta(seconds=60)
"""Clocks of pods differ, and a token that has just ended may be let pass for a moment."""


def keys_of(values: Mapping[str, str]) -> dict[str, str]:
    """The keys by their ids.

    Raises:
        Refused: the Secret is not laid out as DocuChat reads it.
    """
    try:
        keys = json.loads(values.get(KEYS, ""))
    except ValueError:
        keys = None
    is_whole = isinstance(keys, dict) and all(isinstance(each, str) for each in keys.values())
    if not is_whole or values.get(SIGNING) not in keys:
        raise Refused(reason="jwt_layout")
    return dict(keys)


def with_keys(keys: Mapping[str, str]) -> dict[str, str]:
    """Keys as the Secret holds them."""
    return {KEYS: json.dumps(dict(keys), sort_keys=True)}


def signing_since(values: Mapping[str, str]) -> datetime | None:
    """The instant at which the present key began to sign everywhere; None when nobody noted it."""
    try:
        since = datetime.fromisoformat(values.get(SINCE, ""))
    except ValueError:
        return None
    return since if since.tzinfo else None


def old_keys_end(since: datetime, token_life_s: int) -> datetime:
    """The instant after which no valid token is signed by an earlier key."""
    return since + timedelta(seconds=token_life_s) + SKEW


def require_ended(values: Mapping[str, str], token_life_s: int, now: datetime) -> None:
    """Let pass when no valid token is left that an earlier key signed.

    Raises:
        Refused: there may be some until a known instant, or nobody knows since when the present key signs.
    """
    since = signing_since(values)
    if since is None:
        raise Refused(reason="jwt_since_unknown")
    end = old_keys_end(since, token_life_s)
    if now < end:
        raise Refused(reason="jwt_too_early", at=end)
