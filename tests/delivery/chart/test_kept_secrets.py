"""An upgrade keeps the secrets that the cluster has, undoes no rotation, and takes what the operator gives anew."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from delivery.chart.manifests import secret_texts
from delivery.chart.rendering import HELMS, NAMESPACE, render
from tests.delivery.chart.api_server import api_server, secret_named
from tests.delivery.chart.conftest import NEWEST, rendered_by

GIVEN = "docuchat.example/given-"
IN_CLUSTER = (
    secret_named("docuchat-portal-database", {"password": "KeptPassword0123456789", "url": "x"}, {}),
    secret_named(
        "docuchat-openai", {"value": "sk-rotated"}, {f"{GIVEN}value": sha256(b"sk-of-last-time").hexdigest()}
    ),
    secret_named(
        "docuchat-metrics",
        {"token": "fresh-of-a-rotation", "previous-token": "old-one", "scrape-token": "old-one"},
        {},
    ),
)
Upgrade = Callable[..., Mapping[str, Mapping[str, str]]]


@pytest.fixture(params=HELMS)
def upgrade(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Upgrade]:
    with ExitStack() as stack:
        kubeconfig = stack.enter_context(api_server(rendered_by(NEWEST, "minimal"), IN_CLUSTER, tmp_path))

        def upgraded(*values: str) -> dict[str, dict[str, str]]:
            arguments = [f"--set={each}" for each in values]
            cluster = ["--dry-run=server", "--disable-openapi-validation", f"--kubeconfig={kubeconfig}"]
            manifests = render(str(request.param), "--is-upgrade", *cluster, *arguments)
            return {
                each["metadata"]["name"]: secret_texts(each)
                for each in manifests
                if (each["kind"], each["metadata"].get("namespace")) == ("Secret", NAMESPACE)
            }

        yield upgraded


def test_what_was_made_once_is_kept(upgrade: Upgrade) -> None:
    database = upgrade()["docuchat-portal-database"]

    assert database["password"] == "KeptPassword0123456789"
    assert "portal:KeptPassword0123456789@" in database["url"]


def test_an_upgrade_with_the_key_of_last_time_keeps_the_one_that_a_rotation_wrote(upgrade: Upgrade) -> None:
    assert upgrade("secrets.openaiApiKey=sk-of-last-time")["docuchat-openai"] == {"value": "sk-rotated"}
    assert upgrade()["docuchat-openai"] == {"value": "sk-rotated"}


def test_a_key_that_is_new_replaces_it(upgrade: Upgrade) -> None:
    assert upgrade("secrets.openaiApiKey=sk-bought-today")["docuchat-openai"] == {"value": "sk-bought-today"}


def test_an_upgrade_in_the_middle_of_a_rotation_leaves_its_three_tokens_alone(upgrade: Upgrade) -> None:
    assert upgrade()["docuchat-metrics"] == {
        "token": "fresh-of-a-rotation",
        "previous-token": "old-one",
        "scrape-token": "old-one",
    }
