"""``/sandbox``: make rollouts stick, the API slow or dead, time pass. No real cluster has it."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.sandbox.kubernetes.cluster import Cluster
from backend.sandbox.kubernetes.crowd import make_crowd
from backend.sandbox.kubernetes.faults import Fault, FaultRule
from backend.sandbox.kubernetes.logs import Chatter, json_line
from backend.sandbox.kubernetes.store import RefusedError

Wanted = dict[str, Any]
ControlAct = Callable[[Cluster, str, Wanted], object]


def control_routes() -> list[Route]:
    """Every route below ``/sandbox``."""
    acts: dict[str, ControlAct] = {
        "/health": _health,
        "/faults": _faults,
        "/failing-jobs": _failing_jobs,
        "/trouble": _trouble,
        "/cut": _cut,
        "/calls": _calls,
        "/denied": _denied,
        "/logs": _logs,
        "/crowd": _crowd,
        "/churn": _churn,
        "/clock": _clock,
        "/compact": _compact,
        "/reset": _reset,
    }
    return [Route(path, _answering(act), methods=["GET", "POST", "DELETE"]) for path, act in acts.items()]


def _answering(act: ControlAct) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        raw = await request.body()
        try:
            value, status = (
                act(request.app.state.cluster, request.method, orjson.loads(raw) if raw else {}),
                200,
            )
        except RefusedError as refusal:
            value, status = {"error": refusal.message}, refusal.code
        except (KeyError, TypeError, ValueError) as error:
            value, status = {"error": f"{type(error).__name__}: {error}"}, 400
        return Response(orjson.dumps(value), status, media_type="application/json")

    return answer


def _health(_cluster: Cluster, _method: str, _wanted: Wanted) -> object:
    return {"ok": True}


def _faults(cluster: Cluster, method: str, wanted: Wanted) -> object:
    """``{"workload": "docuchat-api", "fault": "CrashLoopBackOff"}``, or ``image`` instead of ``workload``.

    Optional: ``on_running`` (else only containers that were never ready), ``container``, ``exit_code``, ``message``,
    and ``name``, by which DELETE ends this one alone.
    """
    rules = cluster.faults.rules
    named = str(wanted.get("name") or wanted.get("workload") or wanted.get("image") or "")
    if method == "POST":
        if not named:
            raise ValueError("send workload or image")
        given = {key: value for key, value in wanted.items() if key not in {"name", "fault"}}
        rules[named] = FaultRule(fault=Fault(wanted["fault"]), **given)
    if method == "DELETE":
        for name in [named] if named else list(rules):
            rules.pop(name, None)
    cluster.poke()
    return {
        name: {"fault": rule.fault, "workload": rule.workload, "image": rule.image}
        for name, rule in rules.items()
    }


def _failing_jobs(cluster: Cluster, method: str, wanted: Wanted) -> object:
    """``{"job": "restore-7"}``: that job's pod ends with code 1."""
    failing = cluster.kubelet.runtime.failing_jobs
    if method == "POST":
        failing.add(str(wanted["job"]))
    if method == "DELETE":
        failing.clear()
    return sorted(failing)


def _trouble(cluster: Cluster, method: str, wanted: Wanted) -> object:
    """``{"delay_s": 10}``, ``{"refuses_with": 503}``, ``{"is_dead": true}``, ``{"drops": 1}``; DELETE ends all.

    ``{"loses": "patch deployments"}``: the next such call that is no dry run is carried out, and its answer is lost.
    ``{"plagued": "portal-operator", "plagues": [500, "drop", 2.5]}``: the account's next calls, one after the other.
    """
    trouble = cluster.trouble
    if method == "DELETE":
        trouble.end()
    if method == "POST":
        trouble.delay_s = float(wanted.get("delay_s", trouble.delay_s))
        trouble.refuses_with = int(wanted.get("refuses_with", trouble.refuses_with))
        trouble.loses = str(wanted.get("loses", trouble.loses))
        trouble.is_dead = bool(wanted.get("is_dead", trouble.is_dead))
        trouble.drops = int(wanted.get("drops", trouble.drops))
        trouble.plagued = str(wanted.get("plagued", trouble.plagued))
        trouble.plagues = list(wanted.get("plagues", trouble.plagues))
        if trouble.is_dead:
            _cut(cluster, method, {})
    told = ("delay_s", "refuses_with", "is_dead", "drops", "loses", "plagues")
    return {name: getattr(trouble, name) for name in told}


def _cut(cluster: Cluster, _method: str, _wanted: Wanted) -> object:
    """Cut the connection of every open watch and log."""
    cluster.trouble.cuts += 1
    cluster.store.wake()
    return {"cuts": cluster.trouble.cuts}


def _calls(cluster: Cluster, method: str, _wanted: Wanted) -> object:
    """The calls so far, by verb and resource, and the watches that are open now."""
    if method == "DELETE":
        cluster.trouble.calls.clear()
    return {"calls": dict(cluster.trouble.calls), "open_watches": dict(cluster.trouble.open_watches)}


def _denied(cluster: Cluster, method: str, wanted: Wanted) -> object:
    """``{"account": "portal-operator", "verb": "patch", "resource": "deployments"}``: a permission is taken away."""
    denied = cluster.access.denied
    if method == "POST":
        denied.append((wanted["account"], wanted["verb"], wanted["resource"]))
    if method == "DELETE":
        denied.clear()
    return denied


def _logs(cluster: Cluster, _method: str, wanted: Wanted) -> object:
    """``{"pod": name, "lines": [...]}`` writes lines; ``{"pod": name, "lines_per_s": 1000}`` makes it talkative."""
    pod = cluster.store.get("pods", wanted.get("namespace", cluster.namespace), wanted["pod"])
    container = wanted.get("container", pod["spec"]["containers"][0]["name"])
    log, now = cluster.kubelet.runtime.logs.current[pod["metadata"]["uid"], container], cluster.store.now()
    for line in wanted.get("lines", ()):
        log.say(now, str(line))
    if rate := float(wanted.get("lines_per_s", 0)):
        log.read(now)
        log.chatter = Chatter(
            start=now, every_s=1 / rate, line=lambda number: json_line(pod, "info", "tick", number=number)
        )
    return {"lines": log.count(now)}


def _crowd(cluster: Cluster, method: str, wanted: Wanted) -> object:
    """``{"workloads": 300, "pods": 3000}``."""
    if method == "POST":
        make_crowd(
            cluster.store, cluster.namespace, workloads=int(wanted["workloads"]), pods=int(wanted["pods"])
        )
    ready = sum(
        one["status"].get("readyReplicas", 0)
        for one in cluster.store.listed("deployments")
        if one["metadata"]["name"].startswith("crowd-")
    )
    return {"ready_pods": ready, "pods": cluster.store.count("pods")}


def _churn(cluster: Cluster, method: str, wanted: Wanted) -> object:
    """``{"changes_per_s": 50}``: as many pods of the crowd change each second; 0 ends it."""
    if method != "GET":
        cluster.churn.set_rate(float(wanted.get("changes_per_s", 0)))
    return {"changes_per_s": cluster.churn.changes_per_s, "changed": cluster.churn.changed}


def _clock(cluster: Cluster, method: str, wanted: Wanted) -> object:
    """``{"advance_s": 600}``."""
    if method == "POST":
        cluster.store.clock_offset_s += float(wanted["advance_s"])
        cluster.loop.wake()
    return {"now": cluster.store.now()}


def _compact(cluster: Cluster, _method: str, _wanted: Wanted) -> object:
    """Make every earlier version too old for a watch, and every unfinished list."""
    cluster.lists.forget()
    cluster.store.forget_history()
    return {"ok": True}


def _reset(cluster: Cluster, _method: str, _wanted: Wanted) -> object:
    cluster.reset()
    return {"ok": True}
