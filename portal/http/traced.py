"""A span for each request, around its time in the histogram, which then points to the trace."""

from backend.telemetry.exposition import Receive, Scope, Send
from backend.telemetry.metrics import HTTP_REQUESTS
from backend.telemetry.middleware import RequestTimer
from backend.tracing import spans
from backend.tracing.types import SpanKind
from portal import routes

# Probes and scrapes come every few seconds, and nobody waits for them.
_QUIET = frozenset({routes.LIVE, routes.READY, routes.METRICS})
_SPAN = "portal.span"


class TracedRequests(RequestTimer):
    """As ``RequestTimer``, with a trace for each request that is begun here: a stranger's own is not gone on with."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, count it and record it."""
        if scope["type"] != "http" or scope["path"] in _QUIET:
            return await super().__call__(scope, receive, send)
        with spans.span("HTTP", SpanKind.SERVER) as span:
            await super().__call__({**scope, _SPAN: span}, receive, send)
        return None

    def _counted(self, scope: Scope, method: str, route: str, status: str, seconds: float) -> None:
        span = scope.get(_SPAN)
        if span is not None:
            span.rename(f"{method} {route}")
            span.note(
                {
                    "http.request.method": method,
                    "http.route": route,
                    "http.response.status_code": int(status),
                }
            )
        HTTP_REQUESTS.labels(method, route, status).observe(seconds, spans.identity() or None)
