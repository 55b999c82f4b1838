"""OpenTelemetry's SDK, for processes that record: spans go to a collector by OTLP over HTTP, in a thread of their own.

A collector that is slow or away costs nobody anything: the queue is bounded, and what finds no place is dropped.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.trace.status import Status, StatusCode

from backend.errors import AppError
from backend.log import get_logger
from backend.tracing.types import CARRIED, Attributes, OpenSpan, SpanKind

TRACES = "/v1/traces"
EXPORT_TIMEOUT_S = 5.0
_CLOSE_S = 3.0
# Whatever a library of ours adds besides, such as the message of an exception, stays here.
ALLOWED = frozenset(
    {
        "http.request.method", "http.route", "http.response.status_code", "peer.service", "db.system.name",
        "error.type", "reflex.event.name", "reflex.event.background", "code.function.name",
        "job.name", "run.id", "run.action", "run.step",
    }
)  # fmt: skip

log = get_logger(__name__)
_w3c = TraceContextTextMapPropagator()


class SafeExporter(SpanExporter):
    """Sends names, times, ids and the allowed attributes of spans, and nothing else that they hold."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._is_failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send; a failure is said once, and once when it is over."""
        result = self._inner.export([_safe(span) for span in spans])
        has_failed = result is not SpanExportResult.SUCCESS
        if has_failed != self._is_failing:
            self._is_failing = has_failed
            if has_failed:
                log.warning("tracing.export_failed", meaning="Spans are lost until the collector answers.")
            else:
                log.info("tracing.export_recovered")
        return result

    def shutdown(self) -> None:
        """Send no more."""
        self._inner.shutdown()


def _safe(span: ReadableSpan) -> ReadableSpan:
    attributes = {name: value for name, value in (span.attributes or {}).items() if name in ALLOWED}
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        links=[trace.Link(link.context) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


class _SDKSpan:
    def __init__(self, inner: trace.Span) -> None:
        self._inner = inner

    def rename(self, name: str) -> None:
        self._inner.update_name(name)

    def note(self, attributes: Attributes) -> None:
        self._inner.set_attributes(attributes)


class SDKRecorder:
    """Records with the SDK. Its own variables (``OTEL_TRACES_SAMPLER`` and so on) are obeyed."""

    def __init__(self, endpoint: str, *, service: str) -> None:
        # It tells of every batch and every attempt; the exporter tells once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self.provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: service}), shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + TRACES, timeout=EXPORT_TIMEOUT_S)
        self.provider.add_span_processor(BatchSpanProcessor(SafeExporter(exporter)))
        self._tracer = self.provider.get_tracer("docuchat-portal")

    @contextmanager
    def span(self, name: str, kind: SpanKind, attributes: Attributes, linked_to: str) -> Iterator[OpenSpan]:
        """Open a span below the present one. Of an error only its kind is noted: its text may quote anything."""
        with self._tracer.start_as_current_span(
            name,
            kind=trace.SpanKind[kind],
            attributes=attributes,
            links=_links(linked_to),
            record_exception=False,
            set_status_on_exception=False,
        ) as opened:
            try:
                yield _SDKSpan(opened)
            except Exception as error:  # it is told by its kind alone and goes on
                kind_of_error = error.code if isinstance(error, AppError) else type(error).__qualname__
                opened.set_attribute("error.type", kind_of_error)
                opened.set_status(StatusCode.ERROR)
                raise

    def identity(self) -> dict[str, str]:
        """Ids of the present span, where it is recorded."""
        context = trace.get_current_span().get_span_context()
        if not context.is_valid or not context.trace_flags.sampled:
            return {}
        return {
            "trace_id": trace.format_trace_id(context.trace_id),
            "span_id": trace.format_span_id(context.span_id),
        }

    def carried(self) -> dict[str, str]:
        """The present span for another process."""
        carrier: dict[str, str] = {}
        _w3c.inject(carrier)
        return {CARRIED: carrier[CARRIED]} if CARRIED in carrier else {}

    def close(self) -> None:
        """Send what is left, for a short while: a collector that hangs must not keep the process."""
        ending = Thread(target=self.provider.shutdown, name="spans-end", daemon=True)
        ending.start()
        ending.join(_CLOSE_S)


def _links(carried: str) -> list[trace.Link]:
    context = trace.get_current_span(_w3c.extract({CARRIED: carried}, context=Context())).get_span_context()
    return [trace.Link(context)] if carried and context.is_valid else []
