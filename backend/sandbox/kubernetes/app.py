"""The emulator's web application: the API server, and ``/sandbox`` for testers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route

from backend.sandbox.kubernetes import discovery, reviews, writes
from backend.sandbox.kubernetes.access import Access
from backend.sandbox.kubernetes.cluster import Cluster
from backend.sandbox.kubernetes.containers import Timings
from backend.sandbox.kubernetes.control import control_routes
from backend.sandbox.kubernetes.log_answers import LogAnswer
from backend.sandbox.kubernetes.real_containers import RealImage
from backend.sandbox.kubernetes.requests import Call, body_of, json_response
from backend.sandbox.kubernetes.resources import RESOURCES, Resource
from backend.sandbox.kubernetes.roles import ROLES
from backend.sandbox.kubernetes.store import Object, RefusedError
from backend.sandbox.kubernetes.tables import table
from backend.sandbox.kubernetes.trouble import unable
from backend.sandbox.kubernetes.watches import WatchAnswer

PAUSE_S = 0.1
Handler = Callable[[Request, str], Awaitable[Response]]


def create_app(
    *,
    tokens: dict[str, str],
    namespace: str = "docuchat",
    timings: Timings | None = None,
    pause_s: float = PAUSE_S,
    images: Mapping[str, RealImage] | None = None,
    kubeconfig: Path | None = None,
    volumes: Path | None = None,
) -> Starlette:
    """A cluster of its own, whose controllers pause a little after each step.

    Jobs and servers whose image is among ``images`` run as real processes of this machine; ``volumes`` is the folder of
    the volumes that they mount.
    """
    cluster = Cluster.begin(
        tokens=tokens,
        namespace=namespace,
        timings=timings or Timings(),
        images=images or {},
        kubeconfig=kubeconfig,
        volumes=volumes,
    )

    @asynccontextmanager
    async def controllers(_app: Starlette) -> AsyncIterator[None]:
        """The control loop runs as long as the server does."""
        task = asyncio.create_task(cluster.loop.run(pause_s))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        cluster.end()

    app = Starlette(lifespan=controllers, routes=_routes())
    app.state.cluster = cluster
    return app


def _routes() -> list[Route | Mount]:
    fixed = {
        "/version": discovery.VERSION,
        "/api": discovery.api_versions(),
        "/apis": discovery.api_groups(),
        "/api/v1": discovery.api_resources(""),
    }
    fixed |= {f"/apis/{group}/v1": discovery.api_resources(group) for group in discovery.GROUPS}
    routes: list[Route | Mount] = [Route(path, _fixed(what)) for path, what in fixed.items()]
    root = "/apis/authorization.k8s.io/v1"
    routes += [
        Route(f"{root}/{name}", _guarded(partial(_review, name)), methods=["POST"])
        for name in (reviews.SELF, reviews.GENERAL)
    ]
    local = f"{root}/namespaces/{{namespace}}/{reviews.LOCAL}"
    routes.append(Route(local, _guarded(partial(_review, reviews.LOCAL)), methods=["POST"]))
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
    handler = _guarded(partial(_call, resource.plural))
    return [Route(path, handler, methods=methods) for path in sorted(paths)]


def _fixed(what: Object) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request, _account: str) -> Response:
        return json_response(what)

    return _guarded(answer)


def _guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Only for those with a token; refusals become the API's own answers, and the API's troubles its silence."""

    async def answer(request: Request) -> Response:
        trouble = request.app.state.cluster.trouble
        if trouble.leaves_unanswered():
            request.state.transport.abort()
            return Response()
        await asyncio.sleep(trouble.delay_s)
        try:
            trouble.refuse()
            account = _account(request)
            match trouble.plague_of(account):
                case int(status):
                    raise unable(status)
                case float(seconds):
                    await asyncio.sleep(seconds)
                case "drop":
                    request.state.transport.abort()
                    return Response()
            return await handler(request, account)
        except RefusedError as refusal:
            return json_response(refusal.status(), refusal.code)

    return answer


def _account(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    account: str | None = request.app.state.cluster.tokens.get(token) if kind == "Bearer" else None
    if account is None:
        raise RefusedError(401, "Unauthorized", "Unauthorized")
    another = request.headers.get("impersonate-user")
    if another and ROLES[account] is not None:
        raise RefusedError(403, "Forbidden", f'users "{another}" is forbidden: cannot impersonate')
    access: Access = request.app.state.cluster.access
    return access.account_of(another) if another else account


async def _review(resource: str, request: Request, account: str) -> Response:
    cluster: Cluster = request.app.state.cluster
    cluster.trouble.calls[f"create {resource}"] += 1
    namespace = request.path_params.get("namespace", "")
    review = reviews.reviewed(cluster.access, account, resource, namespace, await body_of(request))
    return json_response(review, 201)


async def _call(plural: str, request: Request, account: str) -> Response:
    call = await Call.from_request(request, plural)
    cluster: Cluster = request.app.state.cluster
    wish = call.wish
    cluster.trouble.calls[f"{wish.verb} {wish.resource}"] += 1
    if not cluster.access.allows(account, wish):
        raise RefusedError(403, "Forbidden", cluster.access.refusal(account, wish))
    if (call.plural, call.subresource, call.verb) == ("pods", "log", "get"):
        log = LogAnswer(call=call, store=cluster.store, kubelet=cluster.kubelet, trouble=cluster.trouble)
        return _streamed(log.response(), request)
    if (call.subresource, call.verb) == ("", "watch"):
        return _streamed(StreamingResponse(_watched(call, cluster), media_type="application/json"), request)
    answer = _answered(call, cluster)
    if cluster.trouble.loses == f"{wish.verb} {wish.resource}" and not call.is_dry_run:
        cluster.trouble.loses = ""
        request.state.transport.abort()
    return answer


def _streamed(response: Response, request: Request) -> Response:
    """A stream that is to be cut takes its connection with it, without an end that a client could take for one."""
    if isinstance(response, StreamingResponse):
        chunks = response.body_iterator

        async def until_cut() -> AsyncIterator[str | bytes | memoryview]:
            try:
                async for chunk in chunks:
                    yield chunk
            except ConnectionError:
                request.state.transport.abort()

        response.body_iterator = until_cut()
    return response


async def _watched(call: Call, cluster: Cluster) -> AsyncIterator[bytes]:
    cluster.trouble.open_watches[call.plural] += 1
    try:
        async for chunk in WatchAnswer(call=call, store=cluster.store, trouble=cluster.trouble).lines():
            if chunk:
                yield chunk
    finally:
        cluster.trouble.open_watches[call.plural] -= 1


def _answered(call: Call, cluster: Cluster) -> Response:
    found = _object_of(call, cluster)
    if call.verb in {"get", "list"} and call.wants_table and not call.subresource:
        items = found.get("items", [found]) if call.verb == "list" else [found]
        meta = found["metadata"] if call.verb == "list" else {}
        return json_response(table(items, call.plural, cluster.store, meta))
    return json_response(found, 201 if call.verb == "create" else 200)


def _object_of(call: Call, cluster: Cluster) -> Object:  # noqa: C901, PLR0911 - a table of verbs
    """Do what a call wants.

    Raises:
        RefusedError: 404 or 405 where there is no such address or verb, and whatever the work itself refuses.
    """
    store, has_name = cluster.store, bool(call.name)
    match call.subresource, call.verb, has_name:
        case "", "list", False:
            return cluster.lists.page(call)
        case "", "get", True:
            return store.get(call.plural, call.namespace, call.name)
        case "", "create", False:
            return writes.create(call, store)
        case "", "patch" | "update", True:
            return writes.change(call, store)
        case "", "delete", True:
            return writes.delete(call, store, cluster.garbage)
        case "", "deletecollection", False:
            return writes.delete_all(call, store, cluster.garbage)
        case "scale", "get" | "patch" | "update", True if call.resource.is_scalable:
            return writes.scale(call, store)
        case "status", "get", True if call.resource.has_status:
            return store.get(call.plural, call.namespace, call.name)
        case "status", "patch" | "update", True if call.resource.has_status:
            return writes.change_status(call, store)
        case sub, _, _ if sub and sub not in {"scale", "status", "log"}:
            raise RefusedError(404, "NotFound", "the server could not find the requested resource")
        case _:
            text = "the server does not allow this method on the requested resource"
            raise RefusedError(405, "MethodNotAllowed", text)
