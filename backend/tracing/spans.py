"""Spans, the parts of a trace. Without ``OTEL_EXPORTER_OTLP_ENDPOINT`` each function does nothing but look.

Names and attributes are words of our own and addresses' templates: never what people wrote, a company or a secret.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from backend.config import settings
from backend.tracing.types import Attributes, OpenSpan, SpanKind, SpanRecorder


class _NoSpan:
    def rename(self, name: str) -> None:
        """Nothing."""

    def note(self, attributes: Attributes) -> None:
        """Nothing."""


_NO_SPAN = _NoSpan()
_NOTHING: Attributes = {}
_recorder: SpanRecorder | None = None


def start(process: str) -> None:
    """Record from now on, as ``docuchat-portal-<process>``, where the setting says where to. Idempotent."""
    global _recorder  # noqa: PLW0603 - one recorder a process, as one log
    endpoint = settings().otel_exporter_otlp_endpoint
    if endpoint and _recorder is None:
        from backend.tracing.sdk import SDKRecorder  # noqa: PLC0415 - loaded where it is wanted

        _recorder = SDKRecorder(endpoint, service=f"docuchat-portal-{process}")


def stop() -> None:
    """Send what is left, in three seconds at most, and record no more. Idempotent."""
    global _recorder  # noqa: PLW0603 - as above
    if _recorder is not None:
        _recorder.close()
        _recorder = None


def provider() -> object | None:
    """OpenTelemetry's provider for libraries that record spans themselves; None where nothing is recorded."""
    return _recorder.provider if _recorder else None


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes = _NOTHING,
    *,
    linked_to: str = "",
) -> Iterator[OpenSpan]:
    """A span for the block, below the present one. ``linked_to`` is a span that another process carried here.

    What asks somebody is recorded as a part of something: look-outs that ask every second would be all that is seen.
    """
    if _recorder is None or (kind is SpanKind.CLIENT and not _recorder.identity()):
        yield _NO_SPAN
        return
    with _recorder.span(name, kind, attributes, linked_to) as opened:
        yield opened


def identity() -> dict[str, str]:
    """``trace_id`` and ``span_id`` of the present span; empty where none is recorded."""
    return _recorder.identity() if _recorder else {}


def carried() -> dict[str, str]:
    """The present span under ``CARRIED``, for another process to link to; empty where none is recorded."""
    return _recorder.carried() if _recorder else {}
