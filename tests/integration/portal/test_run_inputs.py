"""A secret for a run goes from the form into the cluster, and nothing that is stored, shown or logged holds it."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import httpx
import orjson
import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from backend import clock, config
from backend.actor import Role
from backend.clients.kubernetes import Kubernetes, connect
from backend.db.engine import read
from backend.errors import NotFound
from backend.run_inputs import rules
from backend.run_inputs import service as run_inputs
from portal import routes
from portal.http.app import plain_routes
from portal.http.run_inputs import AT_ONCE
from tests.integration.portal.cluster import NAMESPACE, PROCESS, Cluster
from tests.integration.portal.conftest import House

SECRET = "sk-the-new-key-of-tonight"
RUNS = f"/api/v1/namespaces/{NAMESPACE}-runbooks/secrets"


def post(house: House, role: Role, **fields: str) -> httpx.Response:
    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app=Starlette(routes=plain_routes()))
        headers = {"cookie": f"{house.people[role].cookie}; language=en"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://portal", headers=headers
        ) as client:
            return await client.post(routes.POST_RUN_INPUT, data=fields)

    return asyncio.run(once())


def in_cluster(cluster: Cluster) -> list[str]:
    found = cluster.http.get(RUNS, headers=cluster.rights).json()["items"]
    return [one["metadata"]["name"] for one in found]


def runner_file(cluster: Cluster) -> Path:
    """The kubeconfig of the runner's account."""
    known = orjson.loads(cluster.kubeconfig.read_bytes())
    path = cluster.kubeconfig.with_name("runner")
    path.write_bytes(orjson.dumps(known | {"current-context": "portal-operator"}))
    return path


def connect_as_runner(cluster: Cluster) -> Kubernetes:
    return connect(str(runner_file(cluster)), 10)


def everything_stored() -> str:
    with read() as connection:
        tables = connection.scalars(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        ).all()
        return str([connection.execute(text(f'SELECT * FROM "{table}"')).all() for table in tables])


def test_a_secret_is_in_the_cluster_alone_and_its_asker_s_run_finds_it(
    house: House, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asker = house.people[Role.OPERATOR].actor

    answer = post(house, Role.OPERATOR, secret=f" {SECRET}\n")

    name = answer.json()["name"]
    assert (answer.status_code, in_cluster(cluster)) == (201, [name])
    assert SECRET not in answer.text + everything_stored() + caplog.text
    runner = connect_as_runner(cluster)
    try:
        assert run_inputs.read(PROCESS, runner, name, asker.user_id) == SECRET
        with pytest.raises(NotFound):
            run_inputs.read(PROCESS, runner, name, house.people[Role.APPROVER].actor.user_id)
        run_inputs.discard(PROCESS, runner, name)
        run_inputs.discard(PROCESS, runner, name)
        with pytest.raises(NotFound):
            run_inputs.read(PROCESS, runner, name, asker.user_id)
    finally:
        runner.close()
    assert in_cluster(cluster) == []


@pytest.mark.parametrize("secret", ["", "short", "with a space in it", "ک" * 20, "x" * 4097, "x" * 9000])
def test_what_is_no_secret_is_refused_and_nothing_is_kept(
    house: House, cluster: Cluster, secret: str
) -> None:
    answer = post(house, Role.OPERATOR, secret=secret)

    assert (answer.status_code, answer.json()["field"]) == (422, "secret")
    assert len(secret) < rules.SHORTEST or secret not in answer.text
    assert in_cluster(cluster) == []


def test_nobody_hands_in_more_secrets_than_runs_need(house: House, cluster: Cluster) -> None:
    del cluster
    answers = [post(house, Role.APPROVER).status_code for _ in range(int(AT_ONCE) + 1)]

    assert answers == [422] * int(AT_ONCE) + [429]


def test_an_unused_secret_is_deleted_after_its_time(
    house: House, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(house, Role.OPERATOR, secret=SECRET)
    assert run_inputs.discard_unused(PROCESS) == 0

    later = clock.utc_now() + rules.KEPT + timedelta(seconds=1)
    monkeypatch.setattr(clock, "utc_now", lambda: later)
    monkeypatch.setenv("KUBECONFIG", str(runner_file(cluster)))
    config.settings.cache_clear()

    assert run_inputs.discard_unused(PROCESS) == 1
    assert in_cluster(cluster) == []


def test_a_cluster_that_does_not_answer_is_told_and_what_it_made_is_found_later(
    house: House, cluster: Cluster
) -> None:
    cluster.control("trouble", {"refuses_with": 503})

    answer = post(house, Role.OPERATOR, secret=SECRET)

    assert answer.status_code == 503
    assert SECRET not in answer.text
    with read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM run_input")) == 1
