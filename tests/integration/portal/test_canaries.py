"""A secret goes through every action of the registry, and is found in nothing that is stored, shown, sent or listed.

The canary is a setting of the portal, a part of every Secret of the cluster, what an operator hands in, and what a pod
prints in all forms while it crashes. A new action takes part by itself: its form is filled with what the server offers.
"""

import asyncio
import base64
import dataclasses
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from backend import config
from backend.actor import Role
from backend.clients.kubernetes import connect
from backend.errors import AppError
from backend.redaction import Redactor
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage
from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.roles import RUNNER
from backend.sandbox.openai import application as provider
from backend.sandbox.postgres import PostgresServer, binaries
from backend.sandbox.processes import free_port
from backend.sandbox.serving import serving
from portal import routes
from portal.features.runbooks.run_state import RunPageState
from portal.http.app import plain_routes
from runbooks import asking_service, engine, registry
from runbooks.form_types import FieldKind, RunWish
from tests.integration.portal.canaries import CANARY, command_lines, leaks, logged, needles, printed, tables
from tests.integration.portal.cluster import NAMESPACE, Cluster
from tests.integration.portal.conftest import House
from tests.integration.portal.line import Exchange

PAGE = RunPageState.get_full_name()
LONGEST_S = 10
ROUNDS = 5
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"


@pytest.fixture
def _canaries(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The canary, wherever a secret is."""
    with serving(provider(valid_keys=[CANARY]), free_port()) as url:
        for name in ("METRICS_TOKEN", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
            monkeypatch.setenv(name, CANARY)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        monkeypatch.setenv("BACKUP_DIR", str(tmp_path))
        monkeypatch.setenv("POSTGRES_TOOLS_DIR", str(binaries()))
        monkeypatch.setenv("DOCUCHAT_TOKEN_LIFE_S", "0")
        monkeypatch.setattr("runbooks.jwt_rules.SKEW", timedelta(0))
        monkeypatch.setattr("runbooks.actions.rotate_metrics_token.LONGEST_WAIT_S", 0.0)
        admin = f"postgresql://admin:{quote(CANARY, safe='')}@127.0.0.1:{free_port()}/docuchat"
        monkeypatch.setenv("DOCUCHAT_DATABASE_ADMIN_URL", admin)
        config.settings.cache_clear()
        for secret in cluster.http.get(SECRETS, headers=cluster.rights).json()["items"]:
            plant(cluster, secret)
        cluster.control(
            "faults",
            {
                "workload": "docuchat-worker",
                "fault": "CreateContainerConfigError",
                "message": printed(CANARY),
            },
        )
        kubernetes = connect(str(account_file(cluster.kubeconfig, RUNNER)), 10)
        monkeypatch.setattr(engine, "own_kubernetes", lambda: kubernetes)
        monkeypatch.setattr("runbooks.rotation.STUCK_S", 0.0)
        known = {
            name: dataclasses.replace(action, deadline_s=LONGEST_S, cool_down_s=0)
            for name, action in registry.actions().items()
        }
        monkeypatch.setattr(registry, "actions", lambda: known)
        yield
        kubernetes.close()
    config.settings.cache_clear()


def plant(cluster: Cluster, secret: dict[str, Any]) -> None:
    """Put the canary into every value of a Secret, and leave its layout as it is."""
    name = secret["metadata"]["name"]
    values = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    planted = {
        key: value if key == "username" else value and f"{CANARY}-{name}" for key, value in values.items()
    }
    if name == "docuchat-jwt":
        planted = {"keys": f'{{"k1": "{base64.b64encode(CANARY.encode()).decode()}"}}', "signing-kid": "k1"}
    cluster.http.patch(
        f"{SECRETS}/{name}",
        json={"stringData": planted},
        headers={"content-type": "application/merge-patch+json", **cluster.rights},
    ).raise_for_status()


def over_http(house: House, method: str, path: str, **fields: str) -> httpx.Response:
    """The answer of a plain route to an operator."""

    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app=Starlette(routes=plain_routes()))
        headers = {"cookie": f"{house.people[Role.OPERATOR].cookie}; language=en"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://portal", headers=headers
        ) as client:
            return await client.request(method, path, data=fields or None)

    return asyncio.run(once())


def filled(house: House, action: str) -> Mapping[str, str]:
    """The form of an action, filled with the first that the server offers."""
    actor, given = house.people[Role.OPERATOR].actor, dict[str, str]()
    for _ in range(ROUNDS):
        form = asking_service.form(actor, action, given)
        for each in form.fields:
            if given.get(each.name):
                continue
            if each.value and each.kind is not FieldKind.SECRET:
                given[each.name] = each.value
                continue
            match each.kind:
                case FieldKind.CHOICE:
                    given[each.name] = each.choices[0].value if each.choices else ""
                case FieldKind.NUMBER:
                    given[each.name] = str(each.least or 1)
                case FieldKind.SWITCH:
                    given[each.name] = "false"
                case FieldKind.TEXT:
                    given[each.name] = "The night shift tries it"
                case FieldKind.SECRET:
                    answer = over_http(house, "POST", routes.POST_RUN_INPUT, secret=CANARY)
                    given[each.name] = answer.json()["name"]
    return given


def carried_out(house: House, action: str) -> RunbookRun | None:
    """A run of an action, taken as far as it goes; None where the form cannot be filled here."""
    operator, approver = (house.people[role].actor for role in (Role.OPERATOR, Role.APPROVER))
    try:
        given = filled(house, action)
        run = asking_service.ask(operator, RunWish(action=action, given=given, request_key=uuid4().hex))
    except AppError:
        return None
    engine.work_on(run.id)
    run = runs.run(operator, run.id)
    if run.state is RunStage.PLANNED and run.plan is not None:
        runs.confirm(operator, run.id, run.plan_hash, run.plan.confirmation)
        if runs.run(operator, run.id).state is RunStage.WAITING:
            runs.approve(approver, run.id, run.plan_hash)
        engine.work_on(run.id)
    return runs.run(operator, run.id)


def shown(house: House, exchange: Exchange, all_runs: list[RunbookRun]) -> dict[str, str]:
    """What a browser is told of these runs: frames of the socket, streams of events, downloads."""
    cookie = house.people[Role.OPERATOR].cookie

    async def steps() -> str:
        line = await exchange.join(cookie=cookie)
        for run in all_runs:
            await line.send(f"{PAGE}.load", {}, path=routes.run(run.id))
        return "\n".join(frame for frames in exchange.told.values() for frame in frames)

    frames = exchange.run(steps)
    assert all(str(run.id) in frames for run in all_runs)
    streams = {
        f"{path} of {run.action}": over_http(house, "GET", path.format(run_id=run.id)).text
        for run in all_runs
        for path in (routes.RUN_LOG, routes.RUN_LOG_TEXT)
    }
    return {"frames of the socket": frames, **streams}


@pytest.mark.usefixtures("_canaries")
def test_no_action_lets_a_secret_out(
    house: House, exchange: Exchange, postgres_server: PostgresServer
) -> None:
    with logged() as log, command_lines() as commands:
        # Rotations first: they begin only in a cluster at rest, which the others may leave in the middle of a rollout.
        names = sorted(registry.actions(), key=lambda name: not name.startswith("rotate_"))
        ended = {name: carried_out(house, name) for name in names}
        told = shown(house, exchange, [run for run in ended.values() if run is not None])

    places = {**tables(), **told, "log": log.getvalue(), "process list": "\n".join(commands)}
    assert leaks(places, CANARY) == []
    assert postgres_server._password() not in places["process list"] + places["log"]
    assert "CreateContainerConfigError" in places["table runbook_run"]
    reached = {name for name, run in ended.items() if run is not None and run.started_at is not None}
    assert {"rotate_openai_key", "rotate_jwt_secret", "rotate_metrics_token", "restart_workload"} <= reached


def test_each_form_is_found_where_it_is() -> None:
    assert {found.partition(": ")[2] for found in leaks({"log": printed(CANARY)}, CANARY)} == set(
        needles(CANARY)
    )
    assert leaks({"log": Redactor([CANARY]).lines([printed(CANARY)])[0]}, CANARY) == []
