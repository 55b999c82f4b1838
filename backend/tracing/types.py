"""Nouns of traces."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol

CARRIED = "traceparent"
"""The name under which a span is carried to another process, in the form of W3C's header."""
Attributes = Mapping[str, str | int]


class SpanKind(StrEnum):
    """A span's side: it answers somebody, it asks somebody, or neither."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    INTERNAL = "INTERNAL"


class OpenSpan(Protocol):
    """A span that is open."""

    def rename(self, name: str) -> None:
        """Give it the name that is known only later."""

    def note(self, attributes: Attributes) -> None:
        """Add attributes."""


class SpanRecorder(Protocol):
    """The source of spans."""

    @property
    def provider(self) -> object:
        """OpenTelemetry's own."""

    def span(
        self, name: str, kind: SpanKind, attributes: Attributes, linked_to: str
    ) -> AbstractContextManager[OpenSpan]:
        """Open a span below the present one."""

    def identity(self) -> dict[str, str]:
        """Ids of the present span, where it is recorded."""

    def carried(self) -> dict[str, str]:
        """The present span for another process."""

    def close(self) -> None:
        """Send what is left, for a short while at most."""
