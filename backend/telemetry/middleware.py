"""ASGI middleware that times requests by route template, never by path: a path is outside text without an end."""

import time
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

from backend.telemetry.exposition import ASGIApp, Receive, Scope, Send
from backend.telemetry.metrics import HTTP_REQUESTS

UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER_METHOD = "OTHER"
_FAILED = "500"
# nginx's number for a client that left before the answer began.
_CLIENT_LEFT = "499"


@runtime_checkable
class _Route(Protocol):
    path: str


class RequestTimer:
    """Counts every HTTP request into `http_request_duration_seconds`; websockets and lifespan pass untouched.

    An answer without a length is a stream: it counts when it begins, with the time until then.

    Works inside (`add_middleware`) and around a Starlette or FastAPI application. The label `route` is the template,
    with the templates of the mounts before it; a path that no route knows is "unmatched".
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # The route is kept beside its template, so that its id cannot be given to another object.
        self._templates: dict[int, tuple[object, str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count it, also when the application fails."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        # Asked before the call: a mounted application overwrites it.
        root = scope.get("app", self._app)
        status, is_counted, began = _CLIENT_LEFT, False, time.perf_counter()

        def count() -> None:
            nonlocal is_counted
            if not is_counted:
                method = scope["method"] if scope["method"] in _METHODS else _OTHER_METHOD
                seconds = time.perf_counter() - began
                self._counted(scope, method, self._template(scope, root), status, seconds)
            is_counted = True

        async def noting_status(message: Any) -> None:  # noqa: ANN401 - an ASGI message is open by definition
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
                if _is_stream(message):
                    # A log that is followed for hours, or an answer that is still being written, is no slow request.
                    count()
            await send(message)

        try:
            await self._app(scope, receive, noting_status)
        except Exception:
            status = _FAILED if status == _CLIENT_LEFT else status
            raise
        finally:
            count()
        return None

    def _counted(self, scope: Scope, method: str, route: str, status: str, seconds: float) -> None:
        """Count a request. Whoever records traces finds its span in the scope, and adds its ids."""
        del scope
        HTTP_REQUESTS.labels(method, route, status).observe(seconds)

    def _template(self, scope: Scope, root: object) -> str:
        route = scope.get("route")
        if route is None:
            return UNMATCHED
        known = self._templates.get(id(route))
        if known is not None:
            return known[1]
        template = _find(route, getattr(root, "routes", ()), "")
        if template is None:
            # Not remembered: a framework may make such a route anew for every request.
            return route.path if isinstance(route, _Route) else UNMATCHED
        self._templates[id(route)] = (route, template or "/")
        return template or "/"


def _is_stream(start: Any) -> bool:  # noqa: ANN401 - an ASGI message is open by definition
    """Whether an answer begins whose length its sender does not know."""
    return all(name.lower() != b"content-length" for name, _ in start.get("headers", ()))


def _find(wanted: object, routes: Iterable[object], prefix: str) -> str | None:
    for route in routes:
        path = prefix + getattr(route, "path", "")
        if route is wanted:
            return path
        found = _find(wanted, getattr(route, "routes", None) or (), path)
        if found is not None:
            return found
    return None
