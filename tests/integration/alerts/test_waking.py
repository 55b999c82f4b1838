"""The webhook wakes the portal: with its token, whatever it says, and as often as it likes."""

import asyncio
from http import HTTPStatus

import httpx
import orjson
import pytest

from backend.actor import Actor, Role
from backend.alerts import service as alerts
from backend.errors import Forbidden
from portal import bridge
from portal.http.alerts import DOOR
from tests import factories
from tests.integration.alerts.conftest import WEBHOOK_TOKEN, Inbox, World
from tests.waiting import until

AUDITOR = factories.actor(Role.AUDITOR)
LIE = {"version": "4", "status": "resolved", "alerts": []}


def post(body: object, token: str = WEBHOOK_TOKEN) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app=DOOR)
        async with httpx.AsyncClient(transport=transport, base_url="http://portal") as client:
            raw = body if isinstance(body, bytes) else orjson.dumps(body)
            headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
            return await client.post(DOOR.path, content=raw, headers=headers)

    try:
        return asyncio.run(asked())
    finally:
        bridge.close()


def firing() -> int:
    return alerts.board(AUDITOR).firing


def test_the_message_of_a_real_alertmanager_wakes_the_portal(world: World, inbox: Inbox) -> None:
    before = len(inbox.bodies)
    world.fire("HighErrorRate", service="a-new-group", severity="critical")
    until(lambda: len(inbox.bodies) > before)

    answer = post(inbox.bodies[-1], inbox.tokens[-1].removeprefix("Bearer "))

    assert (answer.status_code, answer.json()) == (HTTPStatus.OK, {"is_looking": True})
    until(lambda: firing() == 1)


def test_what_a_message_says_is_not_believed(world: World) -> None:
    world.fire("True", service="api")

    invented = {"status": "firing", "labels": {"alertname": "Invented"}, "annotations": {}}
    post({**LIE, "status": "firing", "alerts": [invented]})

    until(lambda: firing() == 1)
    [group] = alerts.board(AUDITOR).groups
    assert [alert.name for alert in group.alerts] == ["True"]


@pytest.mark.parametrize(
    ("body", "token", "status"),
    [
        pytest.param(LIE, "", HTTPStatus.UNAUTHORIZED, id="no token"),
        pytest.param(LIE, "local-deployments-token", HTTPStatus.UNAUTHORIZED, id="the other door's token"),
        pytest.param({**LIE, "version": "3"}, WEBHOOK_TOKEN, HTTPStatus.UNPROCESSABLE_ENTITY, id="version"),
        pytest.param({**LIE, "alerts": [1]}, WEBHOOK_TOKEN, HTTPStatus.UNPROCESSABLE_ENTITY, id="no alerts"),
        pytest.param(b"{", WEBHOOK_TOKEN, HTTPStatus.BAD_REQUEST, id="no JSON"),
    ],
)
def test_a_stranger_or_a_wrong_message_wakes_nobody(
    world: World, body: object, token: str, status: HTTPStatus
) -> None:
    world.fire("Unseen", service="api")

    answer = post(body, token)

    assert answer.status_code == status
    assert alerts.board(AUDITOR).watch.looked_at is None


def test_many_messages_at_once_cost_few_looks(world: World) -> None:
    world.fire("Storm", service="api")
    door = Actor.process_named("alerts_door")

    for _ in range(50):
        alerts.wake(door)

    until(lambda: firing() == 1)
    with pytest.raises(Forbidden):
        alerts.wake(factories.actor(Role.OPERATOR))
