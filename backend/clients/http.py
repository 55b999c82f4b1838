"""The only HTTP client: short connects, a deadline for each exchange, verified TLS, no redirects."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from ssl import SSLCertVerificationError, SSLContext, SSLError
from types import TracebackType
from typing import Any, Self

import httpcore
import httpx
import orjson

from backend.db.engine import in_transaction
from backend.errors import Unavailable
from backend.tracing import spans
from backend.tracing.types import SpanKind

CONNECT_TIMEOUT_S = 5.0
# Firewalls and load balancers forget idle connections, some after less than a minute and without a word.
IDLE_S = 15.0
LARGEST_ANSWER_BYTES = 4 * 1024 * 1024

_deadline: ContextVar[float] = ContextVar("_deadline")

# OpenSSL's numbers of what is wrong with a certificate.
_EXPIRED, _OTHER_NAME = {9, 10}, {62, 64}
# How a server says that it wants to see our certificate, or another one.
_WANTS_CERTIFICATE = (
    "CERTIFICATE_REQUIRED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_HANDSHAKE_FAILURE",
)

Signing = Callable[[httpx.Request], httpx.Request]
"""Puts a proof of who we are on a request; it is called for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPResponse:
    """A complete response of any status."""

    service: str
    status: int
    body: bytes

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            Unavailable: the body is no JSON object, as when a proxy answers with a page of its own.
        """
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise Unavailable(service=self.service, cause="unreadable", status=self.status) from None
        if not isinstance(value, dict):
            raise Unavailable(service=self.service, cause="unreadable", status=self.status)
        return value


class HTTPClient:
    """A pool of connections to one service. Threads may share it."""

    def __init__(self, inner: httpx.Client, *, service: str, timeout_s: float, largest_bytes: int) -> None:
        self._inner = inner
        self._largest_bytes = largest_bytes
        self.service = service
        self.timeout_s = timeout_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection of the pool."""
        self._inner.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        form: str | None = None,
        params: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> HTTPResponse:
        """Ask once and read the whole answer. The body is ``json``, or ``form`` in the encoding of forms.

        Any status is an answer, redirects too. Asking again is the caller's decision.

        Raises:
            Unavailable: with ``cause`` timeout, connection or oversize, or certificate, certificate_expired,
                certificate_name, client_certificate or encryption; the request may have had its effect.
        """
        refuse_inside_transaction()
        about = {"peer.service": self.service, "http.request.method": method}
        with spans.span(f"{method} {self.service}", SpanKind.CLIENT, about) as span:
            answer = self._ask(method, path, json=json, form=form, params=params, timeout_s=timeout_s)
            span.note({"http.response.status_code": answer.status})
        return answer

    def _ask(
        self,
        method: str,
        path: str,
        *,
        json: object,
        form: str | None,
        params: Mapping[str, str] | None,
        timeout_s: float | None,
    ) -> HTTPResponse:
        content, headers = _body_of(json, form)
        token = _deadline.set(time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s))
        try:
            with self._inner.stream(method, path, content=content, params=params, headers=headers) as answer:
                body = self._body(answer)
        except httpx.TimeoutException:
            raise Unavailable(service=self.service, cause="timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The error is dropped on purpose: its text may quote the request.
            raise Unavailable(service=self.service, cause=_cause_of(error)) from None
        finally:
            _deadline.reset(token)
        return HTTPResponse(service=self.service, status=answer.status_code, body=body)

    def _body(self, answer: httpx.Response) -> bytes:
        parts, size = [], 0
        for part in answer.iter_bytes():
            size += len(part)
            if size > self._largest_bytes:
                raise Unavailable(service=self.service, cause="oversize")
            parts.append(part)
        return b"".join(parts)


def _cause_of(error: BaseException) -> str:
    """The cause of a lost connection, as far as encryption tells."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, SSLError):
        found = found.__cause__ or found.__context__
    if found is None:
        return "connection"
    if isinstance(found, SSLCertVerificationError):
        if found.verify_code in _EXPIRED:
            return "certificate_expired"
        return "certificate_name" if found.verify_code in _OTHER_NAME else "certificate"
    reason = found.reason or ""
    return "client_certificate" if any(each in reason for each in _WANTS_CERTIFICATE) else "encryption"


def refuse_inside_transaction() -> None:
    """Refuse a network call inside a transaction, because it would wait while rows are locked.

    Raises:
        RuntimeError: the caller holds a transaction open, which is a bug.
    """
    if in_transaction():
        raise RuntimeError("no network call inside a transaction")


def _body_of(json: object, form: str | None) -> tuple[bytes | None, dict[str, str]]:
    if json is not None:
        return orjson.dumps(json), {"content-type": "application/json"}
    if form is not None:
        return form.encode(), {"content-type": "application/x-www-form-urlencoded"}
    return None, {}


def http_client(
    base_url: str,
    timeout_s: float,
    *,
    service: str,
    connect_s: float = CONNECT_TIMEOUT_S,
    headers: Mapping[str, str] | None = None,
    largest_bytes: int = LARGEST_ANSWER_BYTES,
    tls: SSLContext | None = None,
    sign: Signing | None = None,
) -> HTTPClient:
    """A client of one service. ``timeout_s`` bounds each exchange as a whole, also when bytes only drip.

    Certificates are checked, redirects are not followed, proxies of the environment are not used. ``tls`` trusts other
    authorities or shows a certificate of our own.
    """
    context = tls or httpx.create_ssl_context()
    inner = httpx.Client(
        base_url=base_url,
        headers=dict(headers or {}),
        auth=sign,
        timeout=httpx.Timeout(timeout_s, connect=min(connect_s, timeout_s)),
        follow_redirects=False,
        transport=_DeadlineTransport(context),
    )
    return HTTPClient(inner, service=service, timeout_s=timeout_s, largest_bytes=largest_bytes)


class _DeadlineTransport(httpx.HTTPTransport):
    """httpx only limits each single read; here every read also knows when the whole exchange must be over."""

    def __init__(self, context: SSLContext) -> None:
        super().__init__(verify=context)
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=IDLE_S,
            network_backend=_Backend(),
        )


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's own signature
        return self._inner.get_extra_info(info)


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    deadline = _deadline.get(None)
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise error("the time of the whole exchange is over")
    return left if timeout is None else min(timeout, left)
