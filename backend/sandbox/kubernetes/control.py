"""``/sandbox``: make rollouts stick, jobs fail, time pass. No real cluster has it."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.sandbox.kubernetes.cluster import Cluster


def control_routes() -> list[Route]:
    """Every route below ``/sandbox``."""
    return [
        Route("/health", _health),
        Route("/stuck", _stuck, methods=["GET", "POST", "DELETE"]),
        Route("/failing-jobs", _failing_jobs, methods=["GET", "POST", "DELETE"]),
        Route("/clock", _clock, methods=["POST"]),
        Route("/compact", _compact, methods=["POST"]),
        Route("/reset", _reset, methods=["POST"]),
    ]


def _cluster(request: Request) -> Cluster:
    cluster: Cluster = request.app.state.cluster
    return cluster


async def _wanted(request: Request) -> dict[str, Any]:
    raw = await request.body()
    return dict(orjson.loads(raw)) if raw else {}


def _answer(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


async def _health(_request: Request) -> Response:
    return _answer({"ok": True})


async def _stuck(request: Request) -> Response:
    """``{"deployment": "docuchat-api", "reason": "ImagePullBackOff"}``: its new pods get no further than that."""
    stuck = _cluster(request).kubelet.stuck
    wanted = await _wanted(request)
    if request.method == "POST":
        if not {"deployment", "reason"} <= wanted.keys():
            return _answer({"error": "send deployment and reason"}, 400)
        stuck[str(wanted["deployment"])] = str(wanted["reason"])
    if request.method == "DELETE":
        for name in [str(wanted["deployment"])] if "deployment" in wanted else list(stuck):
            stuck.pop(name, None)
    return _answer(stuck)


async def _failing_jobs(request: Request) -> Response:
    """``{"job": "restore-7"}``: that job's pod ends with code 1."""
    failing = _cluster(request).kubelet.failing_jobs
    wanted = await _wanted(request)
    if request.method == "POST":
        failing.add(str(wanted.get("job")))
    if request.method == "DELETE":
        failing.clear()
    return _answer(sorted(failing))


async def _clock(request: Request) -> Response:
    """``{"advance_s": 600}``."""
    store = _cluster(request).store
    store.clock_offset_s += float((await _wanted(request)).get("advance_s", 0))
    return _answer({"now": store.now()})


async def _compact(request: Request) -> Response:
    """Make every earlier version too old for a watch."""
    _cluster(request).store.forget_history()
    return _answer({"ok": True})


async def _reset(request: Request) -> Response:
    _cluster(request).reset()
    return _answer({"ok": True})
