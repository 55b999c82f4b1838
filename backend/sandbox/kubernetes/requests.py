"""A call to the API, taken apart, and the way to its answer."""

from dataclasses import dataclass
from typing import Any, Self

import orjson
import yaml
from starlette.requests import Request
from starlette.responses import Response

from backend.sandbox.kubernetes.access import Wish
from backend.sandbox.kubernetes.resources import RESOURCES, Resource
from backend.sandbox.kubernetes.store import RefusedError

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
TRUE = frozenset({"1", "true", "True"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call, taken apart."""

    verb: str
    resource: Resource
    namespace: str
    name: str
    subresource: str
    query: dict[str, str]
    body: Any
    content_type: str
    accept: str
    agent: str

    @classmethod
    async def from_request(cls, request: Request, plural: str) -> Self:
        """Read a call from HTTP.

        Raises:
            RefusedError: the body is no JSON.
        """
        parts, query = request.path_params, dict(request.query_params)
        verb = _VERBS.get(request.method)
        if verb is None:
            verb = "get" if "name" in parts else "watch" if query.get("watch") in TRUE else "list"
        if verb == "delete" and "name" not in parts:
            verb = "deletecollection"
        return cls(
            verb=verb,
            resource=RESOURCES[plural],
            namespace=parts.get("namespace", ""),
            name=parts.get("name", ""),
            subresource=parts.get("subresource", ""),
            query=query,
            body=await body_of(request),
            content_type=request.headers.get("content-type", "").partition(";")[0].strip(),
            accept=request.headers.get("accept", ""),
            agent=request.headers.get("user-agent", "unknown").partition("/")[0],
        )

    @property
    def plural(self) -> str:
        """The resource's name in addresses."""
        return self.resource.plural

    @property
    def wish(self) -> Wish:
        """The permission that this call needs."""
        below = f"/{self.subresource}" if self.subresource else ""
        return Wish(
            verb=self.verb,
            group=self.resource.group,
            resource=self.plural + below,
            namespace=self.namespace,
            name=self.name,
        )

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is to be kept."""
        return self.query.get("dryRun") == "All"

    @property
    def manager(self) -> str:
        """The owner of the fields that this call writes."""
        return self.query.get("fieldManager") or self.agent

    @property
    def wants_table(self) -> bool:
        """Whether the answer is to be a table, as kubectl asks for."""
        return "as=Table" in self.accept.partition(",")[0]


async def body_of(request: Request) -> Any:  # noqa: ANN401 - JSON
    """The body, or an empty object when there is none.

    Raises:
        RefusedError: 415 for the binary form that typed Go clients prefer, 400 for what cannot be read.
    """
    raw, kind = await request.body(), request.headers.get("content-type", "")
    if "protobuf" in kind:
        raise RefusedError(415, "UnsupportedMediaType", "the emulator only reads JSON and YAML")
    if not raw:
        return {}
    try:
        return yaml.safe_load(raw) if "yaml" in kind else orjson.loads(raw)
    except (orjson.JSONDecodeError, yaml.YAMLError):
        raise RefusedError(400, "BadRequest", "the object provided is unrecognized") from None


def json_response(body: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(body), status, media_type="application/json")
