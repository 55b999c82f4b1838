"""A cluster with DocuChat in its pods for the session, as on its first day for each test."""

from collections.abc import Iterator

import httpx
import pytest

from backend.sandbox.docuchat_pods import Around, DocuChatPods
from backend.sandbox.kubernetes.server import Address, running
from backend.sandbox.openai import application as provider
from backend.sandbox.processes import free_port
from backend.sandbox.serving import serving
from tests.integration.rotations.world import World
from tests.waiting import until


@pytest.fixture(scope="session")
def one_cluster() -> Iterator[Address]:
    with running() as address:
        yield address


@pytest.fixture
def openai_url() -> Iterator[str]:
    with serving(provider(), free_port()) as url:
        yield url


@pytest.fixture
def world(one_cluster: Address, openai_url: str) -> Iterator[World]:
    httpx.post(f"{one_cluster.url}/sandbox/reset").raise_for_status()
    pods = DocuChatPods(one_cluster.cluster, Around(openai_url=openai_url))
    with serving(pods.application(), free_port()) as url:
        world = World(cluster=one_cluster, docuchat_url=url)
        until(lambda: world.is_rolled_out("docuchat-api"))
        yield world
