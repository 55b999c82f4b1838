"""Rules of secrets that people give to runs."""

import re
from datetime import timedelta

from backend.errors import Invalid

LONGEST = 4096
SHORTEST = 8
"""Shorter secrets stand in many a harmless line, so the redactor would not find them."""
KEPT = timedelta(hours=1)
"""How long a secret waits for its run: long enough for a second person to approve."""
_NAME = re.compile(r"run-input-[a-z0-9]{20,40}")
_PRINTABLE = re.compile(r"[!-~]+")


def checked_secret(value: str) -> str:
    """A pasted secret without the white space around it.

    Raises:
        Invalid: it has fewer than 8 or more than 4096 characters, or one that no key, token or password has.
    """
    secret = value.strip()
    if not SHORTEST <= len(secret) <= LONGEST or not _PRINTABLE.fullmatch(secret):
        raise Invalid(field="secret", reason="secret", shortest=SHORTEST, longest=LONGEST)
    return secret


def is_name(name: str) -> bool:
    """Whether a Secret of this name can be one of ours."""
    return _NAME.fullmatch(name) is not None
