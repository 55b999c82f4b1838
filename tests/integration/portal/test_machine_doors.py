"""The doors of the running portal: its OpenAPI document is kept, and a deployment's messages reach the ledger."""

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from backend import clock
from backend.actor import Actor, Role
from backend.config import DEFAULT_ALERTS_TOKEN, DEFAULT_DEPLOYMENTS_TOKEN
from backend.deploys import service as deploys
from backend.deploys.ledger_types import DeployFilter, DeployRecord
from portal import routes
from portal.http.openapi import DOORS
from tests.integration.portal.conftest import Served

HERE = Path(__file__).parent
ROOT = Path(__file__).parents[3]
HOOKS = "tests.integration.portal.openapi_hooks"
TOKENS = {"deployments": DEFAULT_DEPLOYMENTS_TOKEN, "alerts": DEFAULT_ALERTS_TOKEN}
STARTED = clock.utc_now() - timedelta(minutes=20)
RUNNING: dict[str, Any] = {
    "key": "run-1",
    "service": "docuchat-api",
    "version": "1.42.0",
    "started_at": STARTED.isoformat(),
    "namespace": "docuchat",
    "workloads": ["docuchat-api"],
}
DONE = RUNNING | {"result": "succeeded", "finished_at": (STARTED + timedelta(minutes=5)).isoformat()}


def test_the_doors_of_the_running_portal_keep_what_their_document_says(
    served: Served, tmp_path: Path
) -> None:
    first, again, ended, late = (post(served, body) for body in (RUNNING, RUNNING, DONE, RUNNING))
    assert [each.status_code for each in (first, again, ended, late)] == [200] * 4
    assert first.text == again.text != ended.text == late.text

    other = post(served, DONE | {"result": "failed"})
    assert (other.status_code, other.json()["faults"][0]["at"]) == (409, "/result")
    foreign = post(served, RUNNING | {"key": "run-2"}, token=DEFAULT_ALERTS_TOKEN)
    assert foreign.status_code == 401
    inside = post(served, RUNNING, host="portal.docuchat.svc:8000")
    assert inside.text == late.text
    large = post(served, RUNNING | {"branch": "x" * 100_000})
    assert large.status_code == 413

    leaves_in_the_middle(served)
    for door in DOORS:
        keeps_its_document(served, door.path, TOKENS[door.name], tmp_path)

    stored = ledger(served)
    assert [each.told.version for each in stored if each.told.key == "run-1"] == ["1.42.0"]
    assert len(stored) > 1, "schemathesis got nothing stored"
    assert "Traceback" not in served.log
    assert not any(token in served.log for token in TOKENS.values())


def post(served: Served, body: dict[str, Any], *, token: str = TOKENS["deployments"], host: str = "") -> Any:
    named = {"host": host} if host else {}
    with served.client() as sender:
        return sender.post(
            routes.POST_DEPLOYMENT, json=body, headers={"authorization": f"Bearer {token}", **named}
        )


def leaves_in_the_middle(served: Served) -> None:
    """A sender goes before its body is whole."""
    where = urlsplit(served.url)
    head = (
        f"POST {routes.POST_DEPLOYMENT} HTTP/1.1\r\nhost: {where.netloc}\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {TOKENS['deployments']}\r\ncontent-length: 1000\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), timeout=20) as line:
        line.sendall(f'{head}{{"key": "run-3", '.encode())


def ledger(served: Served) -> list[DeployRecord]:
    reader: Actor = served.house.people[Role.OPERATOR].actor
    return deploys.deployments(reader, DeployFilter(), limit=100).rows


def keeps_its_document(served: Served, path: str, token: str, folder: Path) -> None:
    """Have schemathesis ask a door what its document allows and forbids, the same in each run."""
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "openapi.toml"), "run"),
            *(f"{served.url}{routes.OPENAPI}", "--include-path", path, "--no-color", "--seed", "1"),
            *("--header", f"Authorization: Bearer {token}", "--phases", "coverage,fuzzing"),
            *("--max-examples", "25"),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": HOOKS},
        cwd=folder,  # it keeps notes of its runs
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
