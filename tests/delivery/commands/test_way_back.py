"""The way back from a release does not undo what a rotation wrote into a Secret."""

from pathlib import Path

import pytest

from tests.delivery.commands.stand_in_cluster import Cluster, secret
from tests.delivery.standins import Programs

OLD, ROTATED, BOUGHT = "sk-withdrawn", "sk-rotated", "sk-bought-today"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(Programs(folder=tmp_path / "programs").stand_in())


def test_an_upgrade_that_fails_goes_back_and_keeps_the_rotated_key(cluster: Cluster) -> None:
    cluster.begin(("deployed", secret(OLD)), live=[secret(ROTATED)], fails="not ready")

    done = cluster.programs.make("k8s-deploy")

    assert done.returncode != 0
    assert cluster.value() == ROTATED
    assert cluster.told("helm", "rollback") == [
        "helm rollback docuchat 1 --namespace docuchat-prod --force-conflicts"
    ]
    assert cluster.told("kubectl", "rollout", "restart") == [
        "kubectl rollout restart deployment/docuchat-portal --namespace docuchat-prod"
    ]
    shown = done.stdout + done.stderr + "".join(cluster.told())
    assert not any(value in shown for value in (OLD, ROTATED, *secret(ROTATED)["data"].values()))


def test_a_release_that_is_taken_back_by_hand_keeps_the_rotated_key(cluster: Cluster) -> None:
    cluster.begin(
        ("superseded", secret(OLD)),
        ("failed", secret(OLD)),
        ("deployed", secret(ROTATED)),
        live=[secret(ROTATED)],
        helm="v3.17.2",
    )

    done = cluster.programs.make("k8s-rollback")

    assert done.returncode == 0, done.stderr
    assert cluster.value() == ROTATED
    # Revision 2 never ran.
    assert cluster.told("helm", "rollback") == ["helm rollback docuchat 1 --namespace docuchat-prod"]
    waited = cluster.told("kubectl", "rollout", "status")
    assert [each.split()[3] for each in waited] == ["deployment", "statefulset"]


def test_a_named_revision_is_gone_back_to_and_nothing_is_restarted_for_equal_secrets(
    cluster: Cluster,
) -> None:
    cluster.begin(
        ("superseded", secret(OLD)),
        ("superseded", secret(ROTATED)),
        ("deployed", secret(ROTATED)),
        live=[secret(ROTATED)],
    )

    done = cluster.programs.make("k8s-rollback", "REVISION=2")

    assert done.returncode == 0, done.stderr
    assert cluster.told("helm", "rollback")[0].startswith("helm rollback docuchat 2 ")
    assert cluster.told("kubectl", "apply") == cluster.told("kubectl", "rollout", "restart") == []


def test_a_failed_upgrade_takes_back_the_key_that_it_brought(cluster: Cluster) -> None:
    cluster.begin(
        ("deployed", secret(OLD, given="hash-of-old")),
        live=[secret(ROTATED, given="hash-of-old")],
        upgrade=[secret(BOUGHT, given="hash-of-bought")],
        fails="not ready",
    )

    cluster.programs.make("k8s-deploy")

    assert (cluster.value(), cluster.given()) == (ROTATED, "hash-of-old")


@pytest.mark.parametrize(
    ("history", "fails"),
    [
        pytest.param([("deployed", secret(OLD))], "before it wrote a revision", id="nothing was changed"),
        pytest.param([], "not ready", id="a first install"),
    ],
)
def test_a_failure_without_a_way_back_changes_nothing(
    cluster: Cluster, history: list[tuple[str, dict[str, object]]], fails: str
) -> None:
    cluster.begin(*history, live=[secret(ROTATED)], fails=fails)

    assert cluster.programs.make("k8s-deploy").returncode != 0

    assert cluster.told("helm", "rollback") == []
    assert cluster.value() == ROTATED


def test_a_way_back_that_fails_keeps_the_rotated_key_too(cluster: Cluster) -> None:
    history = (("superseded", secret(OLD)), ("deployed", secret(ROTATED)))
    cluster.begin(*history, live=[secret(ROTATED)], rollback_fails=True)

    assert cluster.programs.make("k8s-rollback").returncode != 0
    assert cluster.value() == ROTATED


def test_secrets_of_a_release_of_the_same_name_elsewhere_are_left_alone(cluster: Cluster) -> None:
    history = (("superseded", secret(OLD)), ("deployed", secret(ROTATED)))
    elsewhere = secret("theirs", of="docuchat-stage")
    cluster.begin(*history, live=[secret(ROTATED), elsewhere])

    assert cluster.programs.make("k8s-rollback").returncode == 0
    [applied] = cluster.told("kubectl", "apply")
    assert "--server-side" in applied
    assert cluster.value(namespace="docuchat-stage") == "theirs"


def test_there_is_nothing_to_go_back_to_before_the_second_release(cluster: Cluster) -> None:
    cluster.begin(("deployed", secret(OLD)), live=[secret(OLD)])

    done = cluster.programs.make("k8s-rollback")

    assert done.returncode != 0
    assert "no earlier revision" in done.stderr
