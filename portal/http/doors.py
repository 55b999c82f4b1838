"""Doors: routes where another machine posts JSON, with a bearer token of its own for each.

A door asks in this order, and the first answer that is no ends it: the method, the token, the pace, the kind and the
size of the body, its JSON, its fields. Only then a service is asked. Answers are English, because machines read them:
``application/problem+json`` (RFC 9457) with a stable ``code``, and never a trace or what was sent.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from math import ceil
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from backend.accounts.rules import address_group
from backend.actor import Actor
from backend.doors import tokens
from backend.errors import AppError, Conflict, Invalid, NotFound, Unavailable
from backend.log import get_logger
from portal import bridge
from portal.http.forms import address_of
from portal.notes import Notes
from portal.rate_limiter import RateLimiter

JSON = "application/json"
PROBLEM = "application/problem+json"
LARGEST_BODY_BYTES = 65_536
# A deployment posts twice; Alertmanager posts one group at a time. Senders behind one address share the pace.
AT_ONCE = 300.0
PER_S = 5.0
_MOST_FAULTS = 20
_LONGEST_PLACE = 200
_UNAVAILABLE_S = 5
# The server passes on digits only, but any number of them.
_LONGEST_LENGTH = 18

log = get_logger(__name__)

Posted = TypeVar("Posted", bound=BaseModel)


class DoorProblem(BaseModel):
    """Answer of a door that did nothing."""

    code: str
    title: str
    status: int
    detail: str = ""
    faults: list["DoorFault"] | None = None


class DoorFault(BaseModel):
    """Field of the body that does not fit: its place as a JSON pointer, a stable code, and English words."""

    at: str
    code: str
    detail: str


class _RefusedError(Exception):
    """A request that goes no further."""

    def __init__(self, problem: DoorProblem, headers: Mapping[str, str]) -> None:
        self.problem = problem
        self.headers = headers
        super().__init__(problem.code)


# Every problem that a door tells of, with the sentence that the OpenAPI document has for it too.
PROBLEMS: Mapping[str, tuple[HTTPStatus, str]] = {
    "malformed_json": (HTTPStatus.BAD_REQUEST, "The body is no JSON."),
    "unauthorized": (HTTPStatus.UNAUTHORIZED, "The bearer token is missing or is not this door's."),
    "method_not_allowed": (HTTPStatus.METHOD_NOT_ALLOWED, "This address takes another method."),
    "conflict": (HTTPStatus.CONFLICT, "What was sent contradicts what is stored under the same key."),
    "too_large": (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is larger than this door takes.",
    ),
    "unsupported_media_type": (
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"The body must be {JSON} in UTF-8, without a content encoding.",
    ),
    "invalid": (HTTPStatus.UNPROCESSABLE_ENTITY, "Fields of the body do not fit."),
    "too_many_requests": (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests from this address."),
    "unexpected": (HTTPStatus.INTERNAL_SERVER_ERROR, "The portal failed; its log holds the reference."),
    "unavailable": (HTTPStatus.SERVICE_UNAVAILABLE, "The portal cannot store anything now; send it again."),
}


class Door(Generic[Posted]):
    """An address that takes a body from whoever has its token, and answers with what a service says of it.

    It is an ASGI application, so a route gives it every method. ``work`` runs in a thread, as the process
    ``<name>_door``; equal bodies should get equal answers, because senders repeat what they are not sure of.
    """

    def __init__(
        self,
        *,
        name: str,
        path: str,
        summary: str,
        token_hash: Callable[[], str],
        body: type[Posted],
        answer: type[BaseModel],
        work: Callable[[Actor, Posted], BaseModel],
        largest_bytes: int = LARGEST_BODY_BYTES,
    ) -> None:
        self.name, self.path, self.summary = name, path, summary
        self.largest_bytes = largest_bytes
        self.body, self.answer = body, answer
        self._token_hash, self._work = token_hash, work
        self._actor = Actor.process_named(f"{name}_door")
        self._pace = RateLimiter()
        self._notes = Notes(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except _RefusedError as refused:
            response = self._refusal(request, refused)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            raise _refused("method_not_allowed", {"allow": "POST"})
        is_admitted = tokens.opens(
            request.headers.get("authorization", ""), tokens.hashes_in(self._token_hash())
        )
        self._keep_pace(request, "sender" if is_admitted else "stranger")
        if not is_admitted:
            raise _refused("unauthorized", {"www-authenticate": "Bearer"})
        _require_json(request)
        body = self._read(await _bytes_of(request, self.largest_bytes))
        told = await self._do(body)
        return JSONResponse(told.model_dump(mode="json"), headers={"cache-control": "no-store"})

    def _keep_pace(self, request: Request, who: str) -> None:
        """Count the request. Strangers at an address have a bucket of their own, and keep no sender there out."""
        key = f"{who} {address_group(address_of(request))}"
        if not self._pace.try_acquire(key, at_once=AT_ONCE, per_s=PER_S):
            raise _refused("too_many_requests", {"retry-after": str(ceil(1 / PER_S))})

    def _read(self, raw: bytes) -> Posted:
        try:
            return self.body.model_validate_json(raw)
        except ValidationError as wrong:
            faults = wrong.errors(include_url=False, include_context=False, include_input=False)
            if any(fault["type"] == "json_invalid" for fault in faults):
                raise _refused("malformed_json") from None
            raise _refused("invalid", faults=[_fault(each) for each in faults[:_MOST_FAULTS]]) from None

    async def _do(self, body: Posted) -> BaseModel:
        try:
            return await bridge.call(self._work, self._actor, body)
        except Conflict as error:
            raise _refused("conflict", faults=[_named(error, "contradiction")]) from None
        except (Invalid, NotFound) as error:
            raise _refused("invalid", faults=[_named(error, error.code)]) from None
        except Unavailable as error:
            bridge.problem_of(error, "en")
            raise _refused("unavailable", {"retry-after": str(_UNAVAILABLE_S)}) from None
        except Exception as error:  # noqa: BLE001 - a process edge: the sender gets a reference, the log the trace
            raise _refused("unexpected", detail=bridge.unexpected(error, "en").reference) from None

    def _refusal(self, request: Request, refused: _RefusedError) -> Response:
        problem = refused.problem
        if problem.status != HTTPStatus.METHOD_NOT_ALLOWED:
            self._notes.warning(
                "door.refused",
                kind=problem.code,
                door=self.name,
                code=problem.code,
                address=address_of(request),
            )
        return problem_response(problem, refused.headers)


def problem_response(problem: DoorProblem, headers: Mapping[str, str]) -> Response:
    """A problem as RFC 9457 writes it; without a ``type`` its meaning is that of the status."""
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status_code=problem.status,
        media_type=PROBLEM,
        headers={"cache-control": "no-store", **headers},
    )


def problem_of(code: str, *, detail: str = "", faults: list[DoorFault] | None = None) -> DoorProblem:
    """The problem with a code."""
    status, title = PROBLEMS[code]
    return DoorProblem(code=code, title=title, status=status, detail=detail, faults=faults)


def _refused(
    code: str,
    headers: Mapping[str, str] | None = None,
    *,
    detail: str = "",
    faults: list[DoorFault] | None = None,
) -> _RefusedError:
    return _RefusedError(problem_of(code, detail=detail, faults=faults), headers or {})


def _require_json(request: Request) -> None:
    kind, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    is_utf8 = parameters.replace(" ", "").strip('"') in {"", "charset=utf-8", 'charset="utf-8'}
    encoding = request.headers.get("content-encoding", "identity").lower()
    if kind.strip() != JSON or not is_utf8 or encoding != "identity":
        raise _refused("unsupported_media_type", {"accept-post": JSON})


async def _bytes_of(request: Request, largest: int) -> bytes:
    """The whole body. What announces too much is refused unread, what sends too much as soon as it has."""
    announced = request.headers.get("content-length", "")
    if len(announced) > _LONGEST_LENGTH or int(announced or 0) > largest:
        raise _refused("too_large")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise _refused("too_large")
    return bytes(body)


def _fault(told: Any) -> DoorFault:
    """A fault without the value: what was sent may be long, secret or hostile. So may the name of an unknown field."""
    place = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in told["loc"])
    return DoorFault(at=place[:_LONGEST_PLACE], code=told["type"], detail=told["msg"])


def _named(error: AppError, code: str) -> DoorFault:
    """The fault of the field that a service names, with its reason or else this code."""
    return DoorFault(
        at=f"/{error.data.get('field', '')}", code=str(error.data.get("reason", code)), detail=""
    )
