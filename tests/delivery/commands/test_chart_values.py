"""The chart takes what the environment gives, by the real Helm: images by digest, secrets in Secrets alone."""

import json
import subprocess

import pytest
import yaml

from delivery.chart_values import values
from delivery.tools import tool
from tests.delivery.standins import ROOT

DIGEST = "sha256:" + "a" * 64
ENV = {
    "DATABASE_URL": "postgresql://portal:Kx9-long-enough@db.example.com/portal",
    "DEPLOYMENTS_TOKEN": "a-token-of-the-pipeline-0123456789",
    "JOBS_DIGEST": DIGEST,
    "OPENAI_API_KEY": "a-key-of-the-provider",
    "REGISTRY": "ghcr.io/Acme/Portal",
    "WEB_DIGEST": DIGEST,
}


@pytest.mark.parametrize("helm", ["helm3", "helm4"])
def test_the_chart_takes_what_the_environment_gives(helm: str) -> None:
    done = subprocess.run(
        [tool(helm), "template", "docuchat", "charts/docuchat", "-n", "docuchat-prod", "--values", "-"],
        cwd=ROOT,
        input=json.dumps(values(ENV)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    documents = [each for each in yaml.load_all(done.stdout, yaml.CSafeLoader) if each]
    assert f"image: ghcr.io/acme/portal/portal-web@{DIGEST}" in done.stdout
    assert f"image: ghcr.io/acme/portal/portal-jobs@{DIGEST}" in done.stdout
    plain = json.dumps([each for each in documents if each["kind"] != "Secret"])
    assert [
        name for name in ("OPENAI_API_KEY", "DEPLOYMENTS_TOKEN", "DATABASE_URL") if ENV[name] in plain
    ] == []
    names = {each["metadata"]["name"] for each in documents if each["kind"] == "StatefulSet"}
    assert "docuchat-postgresql" not in names, "a database of one's own takes the place of the chart's"
    assert "docuchat-postgres" not in names


def test_what_is_not_given_is_left_to_the_chart() -> None:
    assert values({}) == {}
