"""Differences between revisions, and the parts of an image's name."""

from typing import Any

import pytest

from backend.deploys.image_rules import digest_in, parse_image
from backend.deploys.revision_rules import compare
from backend.deploys.types import Image, Replaced, Revision
from tests.unit.deploys.cluster_examples import BORN, template

SHA = f"sha256:{'a' * 64}"


def revision(number: int, *containers: Any, **given: Any) -> Revision:
    return Revision(
        number=number, name=f"api-{number}", created_at=BORN, replicas=0, containers=containers, **given
    )


def test_everything_that_differs_between_two_revisions_is_named() -> None:
    old = revision(
        3,
        template(environment=("LOG_LEVEL", "OLD"), limits=(("memory", "512Mi"),), requests=(("cpu", "1"),)),
        template("gone"),
        desired_replicas=3,
    )
    new = revision(
        4,
        template(
            image=parse_image("registry.example/docuchat:2.16.0"),
            environment=("LOG_LEVEL", "NEW"),
            limits=(("cpu", "2"), ("memory", "1Gi")),
        ),
        template("proxy", environment=("PORT",)),
        desired_replicas=5,
    )

    change = compare(old, new)

    assert change.images == (
        Replaced(
            container="api",
            before="registry.example/docuchat:2.15.0",
            after="registry.example/docuchat:2.16.0",
        ),
    )
    assert change.resources == (
        Replaced(container="api", subject="requests.cpu", before="1"),
        Replaced(container="api", subject="limits.cpu", after="2"),
        Replaced(container="api", subject="limits.memory", before="512Mi", after="1Gi"),
    )
    assert change.environment_added == (("api", "NEW"),)
    assert change.environment_removed == (("api", "OLD"),)
    assert (change.containers_added, change.containers_removed) == (("proxy",), ("gone",))
    assert change.replicas == (3, 5)
    assert not change.is_empty


def test_the_same_revision_twice_and_an_unknown_number_of_replicas_differ_in_nothing() -> None:
    one = revision(3, template(), desired_replicas=3)

    assert compare(one, one).is_empty
    assert compare(one, revision(4, template())).is_empty
    assert not compare(one, revision(4, template(), desired_replicas=0)).is_empty


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("docuchat", Image(repository="docuchat")),
        ("docuchat:2.14.3", Image(repository="docuchat", tag="2.14.3")),
        ("registry:5000/docuchat", Image(repository="registry:5000/docuchat")),
        ("registry:5000/docuchat:2", Image(repository="registry:5000/docuchat", tag="2")),
        (f"r.example/x@{SHA}", Image(repository="r.example/x", digest=SHA)),
        (f"r.example/x:2@{SHA}", Image(repository="r.example/x", tag="2", digest=SHA)),
    ],
)
def test_an_image_has_a_repository_a_tag_and_a_digest(text: str, image: Image) -> None:
    assert parse_image(text) == image
    assert image.text == text


@pytest.mark.parametrize(
    ("image_id", "digest"),
    [
        (f"docker-pullable://r.example/x@{SHA}", SHA),
        (f"r.example/x@{SHA}", SHA),
        (SHA, SHA),
        ("docker://5e2a", ""),
        ("", ""),
    ],
)
def test_the_digest_of_a_running_image_is_found_in_its_id(image_id: str, digest: str) -> None:
    assert digest_in(image_id) == digest
