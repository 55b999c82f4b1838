"""In every set of values with backups, whoever backs up and restores has a place for them that lasts."""

from typing import Any

import pytest
import yaml

from delivery.chart.admission import refusals
from delivery.chart.rendering import Manifest, values_of, variants
from delivery.chart.values import VALUES
from runbooks.kubernetes_jobs import gives_backups
from tests.delivery.chart.conftest import NEWEST, rendered_by
from tests.delivery.chart.test_admission import job, policy

BACKED_UP = [
    each
    for each in variants()
    if (yaml.safe_load(values_of(each).read_text()) or {}).get("backups", {}).get("enabled", True)
]


def named(variant: str, kind: str, name: str) -> Manifest:
    return next(
        each
        for each in rendered_by(NEWEST, variant)
        if (each["kind"], each["metadata"]["name"]) == (kind, name)
    )


def job_of_a_run(variant: str) -> Manifest:
    text = named(variant, "ConfigMap", "docuchat-runner-template")["data"]["job.yaml"]
    found: Manifest = yaml.safe_load(text)
    return found


def place_of_backups(pod: Any) -> Any:
    """The volume of `BACKUP_DIR` in the one container of a pod, which may write there."""
    [container] = pod["containers"]
    [folder] = [each["value"] for each in container["env"] if each["name"] == "BACKUP_DIR"]
    [mount] = [each for each in container["volumeMounts"] if each["mountPath"] == folder]
    assert not mount.get("readOnly")
    [volume] = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    return volume


def has_bucket(variant: str) -> bool:
    return "BACKUP_BUCKET_URL" in named(variant, "ConfigMap", "docuchat-settings")["data"]


@pytest.mark.parametrize("variant", BACKED_UP)
def test_whoever_backs_up_writes_to_a_bucket_or_to_a_volume_that_lasts(variant: str) -> None:
    run = job_of_a_run(variant)
    if gives_backups(run):
        # The launcher makes a Job of the run, and the folder is on the way to the bucket.
        assert has_bucket(variant)
        assert "emptyDir" in place_of_backups(run["spec"]["template"]["spec"])
        assert refusals(policy(variant), job(variant)) == []
        return
    # The launcher keeps the run beside the volume.
    jobs = named(variant, "Deployment", "docuchat-jobs")["spec"]["template"]["spec"]
    claim = place_of_backups(jobs)["persistentVolumeClaim"]["claimName"]
    assert named(variant, "PersistentVolumeClaim", claim)


def test_there_are_sets_of_values_with_a_bucket_and_with_a_volume() -> None:
    assert {has_bucket(variant) for variant in BACKED_UP} == {True, False}


def test_the_readme_says_who_restores() -> None:
    assert "needs the bucket" not in VALUES.with_name("README.md").read_text()
    assert "Restoring by a runbook needs it" not in VALUES.read_text()


@pytest.mark.parametrize(("variant", "said"), [("minimal", "true"), ("bare", "false")])
def test_every_process_knows_whether_backups_are_made(variant: str, said: str) -> None:
    assert named(variant, "ConfigMap", "docuchat-settings")["data"]["BACKUPS_ENABLED"] == said
