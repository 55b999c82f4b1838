"""The emulator's web application: the API server, and ``/sandbox`` for testers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from backend.sandbox.kubernetes import discovery
from backend.sandbox.kubernetes.access import Wish, allows
from backend.sandbox.kubernetes.cluster import TICK_S, Cluster
from backend.sandbox.kubernetes.control import control_routes
from backend.sandbox.kubernetes.deployments import DeploymentController
from backend.sandbox.kubernetes.jobs import JobController
from backend.sandbox.kubernetes.pods import Kubelet
from backend.sandbox.kubernetes.requests import Call, answer_of, json_of
from backend.sandbox.kubernetes.store import RESOURCES, Object, RefusedError, Resource, Store
from backend.sandbox.kubernetes.workloads import create_docuchat


def create_app(
    *, tokens: dict[str, str], namespace: str = "docuchat", start_s: float = 2.0, tick_s: float = TICK_S
) -> Starlette:
    """A cluster of its own; pods need ``start_s`` to become ready, the controllers look every ``tick_s``."""
    store = Store()
    kubelet = Kubelet(store, start_s=start_s)
    cluster = Cluster(store=store, kubelet=kubelet, tokens=tokens, namespace=namespace, tick_s=tick_s)
    create_docuchat(store, namespace)
    app = Starlette(lifespan=_controllers, routes=_routes())
    app.state.cluster = cluster
    return app


@asynccontextmanager
async def _controllers(app: Starlette) -> AsyncIterator[None]:
    """The control loops run as long as the server does."""
    task = asyncio.create_task(_loop(app.state.cluster))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _loop(cluster: Cluster) -> None:
    parts = (DeploymentController(cluster.store), JobController(cluster.store), cluster.kubelet)
    while True:
        for part in parts:
            part.step()
        await asyncio.sleep(cluster.tick_s)


def _routes() -> list[Route | Mount]:
    fixed = {
        "/version": discovery.VERSION,
        "/api": discovery.api_versions(),
        "/apis": discovery.api_groups(),
        "/api/v1": discovery.api_resources(""),
    }
    fixed |= {f"/apis/{group}/v1": discovery.api_resources(group) for group in discovery.GROUPS}
    routes: list[Route | Mount] = [Route(path, _fixed(what)) for path, what in fixed.items()]
    reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    routes.append(Route(reviews, _guarded(_review), methods=["POST"]))
    for resource in RESOURCES.values():
        routes.extend(_routes_of(resource))
    return [*routes, Mount("/sandbox", routes=control_routes())]


def _routes_of(resource: Resource) -> list[Route]:
    root = f"/apis/{resource.group}/v1" if resource.group else "/api/v1"
    scope = "/namespaces/{namespace}" if resource.is_namespaced else ""
    item = f"{root}{scope}/{resource.plural}/{{name}}"
    paths = {f"{root}/{resource.plural}", f"{root}{scope}/{resource.plural}", item}
    # Below a namespace are the resources in it.
    paths |= {f"{item}/{{subresource}}"} if resource.is_namespaced else set()
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [Route(path, _guarded(_call(resource.plural)), methods=methods) for path in sorted(paths)]


def _fixed(what: Object) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request, _account: str) -> Response:
        return json_response(what)

    return _guarded(answer)


def _guarded(
    handler: Callable[[Request, str], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Only for those with a token; refusals become the API's own answers."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request, _account(request))
        except RefusedError as refusal:
            return json_response(refusal.status(), refusal.code)

    return answer


def _account(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    account: str | None = request.app.state.cluster.tokens.get(token) if kind == "Bearer" else None
    if account is None:
        raise RefusedError(401, "Unauthorized", "Unauthorized")
    return account


def _call(plural: str) -> Callable[[Request, str], Awaitable[Response]]:
    async def answer(request: Request, account: str) -> Response:
        call = await Call.from_request(request, plural)
        if not allows(account, call.wish):
            what, name = call.wish.resource, f' "{call.name}"' if call.name else ""
            text = f'{what}{name} is forbidden: User "{account}" cannot {call.wish.verb} resource "{what}"'
            raise RefusedError(403, "Forbidden", text)
        cluster: Cluster = request.app.state.cluster
        return await answer_of(call, cluster.store, cluster.kubelet)

    return answer


async def _review(request: Request, account: str) -> Response:
    """Whether the asker may do something; everybody may ask."""
    review = await json_of(request)
    wanted: dict[str, Any] = review.get("spec", {}).get("resourceAttributes", {})
    below = f"/{wanted['subresource']}" if wanted.get("subresource") else ""
    wish = Wish(
        verb=wanted.get("verb", ""),
        group=wanted.get("group", ""),
        resource=f"{wanted.get('resource', '')}{below}",
        name=wanted.get("name", ""),
    )
    return json_response(review | {"status": {"allowed": allows(account, wish)}}, 201)


def json_response(body: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(body), status, media_type="application/json")
