"""Shortens labels that PostgreSQL cannot store: those with a zero byte, and those that are too long. Pure."""

from collections.abc import Mapping
from hashlib import sha256
from typing import TypeVar

from backend.usage.types import Key

# The primary key of a reading holds four labels, and PostgreSQL allows 2,704 bytes for it. A company's label may have
# 200 letters.
LONGEST_TENANT_BYTES = 800
LONGEST_BYTES = 600
# A letter takes at most so many bytes in UTF-8.
LETTER_BYTES = 4
SHOWN_CHARACTERS = 100
DIGEST_CHARACTERS = 16

What = TypeVar("What")


def is_storable(label: str, longest_bytes: int = LONGEST_BYTES) -> bool:
    """Whether PostgreSQL can store a label unchanged."""
    if "\0" in label:
        return False
    return len(label) * LETTER_BYTES <= longest_bytes or len(label.encode()) <= longest_bytes


def storable(label: str, longest_bytes: int = LONGEST_BYTES) -> str:
    """The label itself, or its first 100 letters and a digest of the whole label. Two labels never become the same."""
    if is_storable(label, longest_bytes):
        return label
    digest = sha256(label.encode()).hexdigest()[:DIGEST_CHARACTERS]
    return f"{label[:SHOWN_CHARACTERS].replace(chr(0), chr(0xFFFD))}…{digest}"


def with_storable_labels(values: Mapping[Key, What]) -> dict[Key, What]:
    """The same values by meter, with each label replaced by one that PostgreSQL can store."""
    return {
        (storable(tenant, LONGEST_TENANT_BYTES), storable(model), storable(kind)): value
        for (tenant, model, kind), value in values.items()
    }
