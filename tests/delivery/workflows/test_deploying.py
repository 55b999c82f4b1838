"""The deployment is played step by step: it goes back by itself, and the ledger knows both ends."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.stand_in_portal import Portal, stand_in_portal
from tests.delivery.standins import Programs
from tests.delivery.workflows.playing import play
from tests.delivery.workflows.reading import workflows

COMMIT = "3f1c2a9" + "0" * 33
SECRETS = {"secrets.OPENAI_API_KEY": "key-of-the-model", "secrets.DATABASE_URL": "postgresql://db/portal"}


@pytest.fixture
def portal() -> Iterator[Portal]:
    with stand_in_portal() as running:
        running.revision = COMMIT
        yield running


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    made = Programs(folder=tmp_path / "programs").stand_in("helm", "kubectl")
    return made.answer(
        helm_version=(0, "v4.3.1"),
        helm_history=(
            0,
            json.dumps([{"revision": 1, "status": "superseded"}, {"revision": 2, "status": "deployed"}]),
        ),
        kubectl_get=(0, '{"items": []}'),
    )


def deploy(portal: Portal, programs: Programs) -> dict[str, str]:
    """Play the job that deploys."""
    values = {
        **SECRETS,
        "vars.HELM_VALUES_FILE": "",
        "secrets.KUBECONFIG_B64": "e30K",
        "secrets.DEPLOYMENTS_TOKEN": "the-token",
        "vars.PORTAL_URL": portal.url,
        "needs.release.outputs.commit": COMMIT,
        "needs.release.outputs.web": "sha256:" + "a" * 64,
        "needs.release.outputs.jobs": "sha256:" + "b" * 64,
        "inputs.tag || github.ref_name": "v1.4.0",
        "github.repository": "Acme/Portal",
        "github.workspace": str(programs.folder),
    }
    workflow = workflows()["deploy.yml"]
    job = workflow["jobs"]["deploy"]
    return play({**job, "env": {**workflow["env"], **job["env"], "PATIENCE_S": "0"}}, programs, values)


def helm(programs: Programs) -> list[str]:
    """The changes that helm was asked for, without its questions."""
    changes = {"upgrade", "rollback"}
    return [call.argv[1] for call in programs.calls() if call.argv[0] == "helm" and call.argv[1] in changes]


def test_a_good_release_is_deployed_and_told(portal: Portal, programs: Programs) -> None:
    outcomes = deploy(portal, programs)

    assert (outcomes["upgrade"], outcomes["smoke"], outcomes["rollback"]) == ("success", "success", "skipped")
    upgrade = next(call for call in programs.calls() if call.argv[1] == "upgrade")
    assert all(secret in upgrade.given for secret in SECRETS.values())
    assert not any(secret in str(upgrade) for secret in SECRETS.values())
    assert '{"repository": "ghcr.io/acme/portal/portal-web", "digest": "sha256:aaa' in upgrade.given
    begun, ended = portal.told
    assert begun["key"] == ended["key"]
    assert (ended["result"], ended["smoke_test"]) == ("succeeded", "passed")


def test_a_release_whose_smoke_test_fails_goes_back_by_itself(portal: Portal, programs: Programs) -> None:
    portal.revision = "the-commit-before"

    outcomes = deploy(portal, programs)

    assert outcomes["smoke"] == "failure"
    assert helm(programs) == ["upgrade", "rollback"]
    assert (portal.told[-1]["result"], portal.told[-1]["smoke_test"]) == ("rolled_back", "failed")


def test_a_failed_upgrade_that_wrote_no_revision_is_told_and_taken_back_by_nobody(
    portal: Portal, programs: Programs
) -> None:
    programs.answer(helm_upgrade=(1, "timed out"))

    outcomes = deploy(portal, programs)

    assert (outcomes["upgrade"], outcomes["smoke"], outcomes["rollback"]) == ("failure", "skipped", "skipped")
    assert helm(programs) == ["upgrade"]
    assert portal.told[-1]["result"] == "failed"


def test_a_ledger_that_is_down_stops_no_deployment(portal: Portal, programs: Programs) -> None:
    portal.refuses = [401]

    outcomes = deploy(portal, programs)

    assert (outcomes["ledger-begin"], outcomes["upgrade"], outcomes["smoke"]) == (
        "failure",
        "success",
        "success",
    )
    assert [each["result"] for each in portal.told] == ["succeeded"]
