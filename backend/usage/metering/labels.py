"""Labels that PostgreSQL can keep: it knows no zero byte, and its index no row beyond a third of a page. Pure."""

from collections.abc import Mapping
from hashlib import sha256
from typing import TypeVar

from backend.usage.types import Key

# The key of a reading holds four labels and must stay below 2,704 bytes. A company's label may be 200 letters long.
LONGEST_TENANT_BYTES = 800
LONGEST_BYTES = 600
# No letter of UTF-8 is longer.
LETTER_BYTES = 4
SHOWN_CHARACTERS = 100
DIGEST_CHARACTERS = 16

What = TypeVar("What")


def is_storable(label: str, longest_bytes: int = LONGEST_BYTES) -> bool:
    """Whether PostgreSQL keeps a label as it is."""
    if "\0" in label:
        return False
    return len(label) * LETTER_BYTES <= longest_bytes or len(label.encode()) <= longest_bytes


def storable(label: str, longest_bytes: int = LONGEST_BYTES) -> str:
    """The label, or its beginning with a digest of the whole in its place: never the same for two labels."""
    if is_storable(label, longest_bytes):
        return label
    digest = sha256(label.encode()).hexdigest()[:DIGEST_CHARACTERS]
    return f"{label[:SHOWN_CHARACTERS].replace(chr(0), chr(0xFFFD))}…{digest}"


def with_storable_labels(values: Mapping[Key, What]) -> dict[Key, What]:
    """Readings, or other facts of meters, under labels that can be stored."""
    return {
        (storable(tenant, LONGEST_TENANT_BYTES), storable(model), storable(kind)): value
        for (tenant, model, kind), value in values.items()
    }
