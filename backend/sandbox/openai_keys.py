"""The API keys of the OpenAI sandbox's project: which are valid, when each was last used, and the Admin API for them.

Until a tester plants a key (``POST /sandbox/keys``), every key is taken, save those that were deleted.
https://platform.openai.com/docs/api-reference/project-api-keys
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backend.sandbox import openai_wire as wire
from backend.sandbox.openai_wire import JSON, RefusalError

ADMIN_KEY = "sk-admin-sandbox"
PROJECT = "proj_sandbox"
SERVICE_ACCOUNT = "user-sandbox"
_SHOWN_AT_START, _SHOWN_AT_END = 8, 4
_OWNER = {
    "type": "service_account",
    "service_account": {"id": SERVICE_ACCOUNT, "created_at": 0, "name": "docuchat", "role": "member"},
}


@dataclass(slots=True, kw_only=True)
class APIKey:
    """A key of the project, and the requests that came with it."""

    id: str
    name: str
    value: str
    created_at: float = field(default_factory=time.time)
    last_used_at: float | None = None
    requests: int = 0
    is_deleted: bool = False

    def told(self) -> JSON:
        """The key as the vendor lists it: it shows a part of the value and never all."""
        hidden = f"{self.value[:_SHOWN_AT_START]}{'*' * 20}{self.value[-_SHOWN_AT_END:]}"
        return {
            "object": "organization.project.api_key",
            "id": self.id,
            "name": self.name,
            "redacted_value": hidden,
            "created_at": int(self.created_at),
            "last_used_at": None if self.last_used_at is None else int(self.last_used_at),
            "expires_at": None,
            "owner": _OWNER,
            "owner_project_access": "active",
        }


class KeyRing:
    """The project's keys, and the requests that were refused for their key."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        """Begin with some keys; without one, every key is taken."""
        self.keys = [_made(value, "given") for value in values]
        self.refused = 0
        self._takes_strangers = not self.keys

    def admit(self, value: str) -> None:
        """Note a request's key. Raises RefusalError for one that is missing, deleted or unknown."""
        if not value:
            raise _unauthorized("You didn't provide an API key.", code=None)
        found = next((key for key in self.keys if key.value == value), None)
        if found is None and self._takes_strangers:
            return
        if found is None or found.is_deleted:
            self.refused += 1
            shown = f"{value[:_SHOWN_AT_START]}****{value[-_SHOWN_AT_END:]}"
            raise _unauthorized(f"Incorrect API key provided: {shown}.", code="invalid_api_key")
        found.requests += 1
        found.last_used_at = time.time()

    def routes(self) -> list[Route]:
        """The Admin API of keys, and the tester's door."""
        project = "/v1/organization/projects/{project}"
        return [
            Route(f"{project}/api_keys", self._list, methods=["GET"]),
            Route(f"{project}/api_keys/{{key}}", self._retrieve, methods=["GET"]),
            Route(f"{project}/api_keys/{{key}}", self._delete, methods=["DELETE"]),
            Route(f"{project}/service_accounts/{{account}}/api_keys", self._create, methods=["POST"]),
            Route("/sandbox/keys", self._plant, methods=["POST"]),
            Route("/sandbox/keys", self._show, methods=["GET"]),
        ]

    async def _list(self, request: Request) -> Response:
        _check_admin(request)
        data = [key.told() for key in self.keys if not key.is_deleted]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
        return JSONResponse({"object": "list", "data": data, "has_more": False, **ends})

    async def _retrieve(self, request: Request) -> Response:
        return JSONResponse(self._named(request).told())

    async def _delete(self, request: Request) -> Response:
        key = self._named(request)
        key.is_deleted = True
        kind = "organization.project.api_key.deleted"
        return JSONResponse({"object": kind, "id": key.id, "deleted": True})

    async def _create(self, request: Request) -> Response:
        _check_admin(request)
        if request.path_params["account"] != SERVICE_ACCOUNT:
            raise _missing("service account", request.path_params["account"])
        name = str((await request.json()).get("name", ""))
        key = _made(f"sk-svcacct-{uuid4().hex}{uuid4().hex[:8]}", name)
        self.keys.append(key)
        kind = "organization.project.service_account.api_key"
        told = {"object": kind, "id": key.id, "name": name, "value": key.value}
        return JSONResponse({**told, "created_at": int(key.created_at), "expires_at": None})

    async def _plant(self, request: Request) -> Response:
        """Take ``{"value": "sk-...", "name": "docuchat"}``."""
        wanted = await request.json()
        key = _made(str(wanted["value"]), str(wanted.get("name", "")))
        self.keys.append(key)
        self._takes_strangers = False
        return JSONResponse({"id": key.id}, 201)

    async def _show(self, request: Request) -> Response:
        """Tell everything of every key."""
        del request
        keys = [
            {
                "id": key.id,
                "name": key.name,
                "value": key.value,
                "requests": key.requests,
                "last_used_at": key.last_used_at,
                "is_deleted": key.is_deleted,
            }
            for key in self.keys
        ]
        return JSONResponse({"keys": keys, "refused": self.refused})

    def _named(self, request: Request) -> APIKey:
        _check_admin(request)
        wanted = request.path_params["key"]
        for key in self.keys:
            if key.id == wanted and not key.is_deleted:
                return key
        raise _missing("API key", wanted)


def _made(value: str, name: str) -> APIKey:
    return APIKey(id=f"key_{uuid4().hex[:16]}", name=name, value=value)


def _check_admin(request: Request) -> None:
    if request.headers.get("authorization", "") != f"Bearer {ADMIN_KEY}":
        raise _unauthorized("Incorrect API key provided.", code="invalid_api_key")
    if request.path_params["project"] != PROJECT:
        raise _missing("project", request.path_params["project"])


def _unauthorized(message: str, *, code: str | None) -> RefusalError:
    return RefusalError(401, wire.error(message, kind="invalid_request_error", code=code))


def _missing(kind: str, name: str) -> RefusalError:
    return RefusalError(
        404, wire.error(f"No such {kind}: {name}.", kind="invalid_request_error", code="not_found")
    )
