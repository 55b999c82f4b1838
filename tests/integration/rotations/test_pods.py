"""DocuChat's pods keep the credentials that they started with, so one restart with another key loses requests."""

import json

import httpx

from tests.integration.rotations.world import World, ask, jwt_keys, log_in_and_verify, visited


def test_one_step_that_replaces_the_signing_key_refuses_customers(world: World) -> None:
    with visited(world.docuchat_url, log_in_and_verify) as answers:
        world.put_secret("docuchat-jwt", keys=json.dumps({"k2": "new"}), signing_kid="k2")
        world.restart("docuchat-api", "1")

    assert answers[401] > 0


def test_a_key_that_is_known_everywhere_before_it_signs_refuses_nobody(world: World) -> None:
    both = jwt_keys(world) | {"k2": "new"}

    with visited(world.docuchat_url, log_in_and_verify) as answers:
        world.put_secret("docuchat-jwt", keys=json.dumps(both))
        world.restart("docuchat-api", "1")
        world.put_secret("docuchat-jwt", signing_kid="k2")
        world.restart("docuchat-api", "2")

    assert set(answers) == {200}


def test_a_token_without_a_known_key_id_is_refused(world: World) -> None:
    for token in ("x", "a.b.c", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"):
        answer = httpx.get(f"{world.docuchat_url}/verify", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401


def test_a_pod_asks_with_the_key_that_it_started_with(world: World, openai_url: str) -> None:
    old = world.secret("docuchat-openai")["value"]
    httpx.post(f"{openai_url}/sandbox/keys", json={"value": old}).raise_for_status()

    with visited(world.docuchat_url, ask) as answers:
        world.put_secret("docuchat-openai", value="sk-nobody-knows-this-one")
        assert set(answers) == {200}
        world.restart("docuchat-api", "1")

    assert answers[502] > 0
