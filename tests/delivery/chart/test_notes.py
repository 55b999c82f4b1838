"""What Helm prints at the end of an install says how to go on."""

import subprocess
from pathlib import Path

import pytest

from delivery.chart.rendering import CHART, HELMS, NAMESPACE, RELEASE, values_of
from delivery.tools import tool
from tests.delivery.chart.api_server import api_server
from tests.delivery.chart.conftest import NEWEST, rendered_by


def notes(helm: str, variant: str, folder: Path) -> str:
    with api_server(rendered_by(NEWEST, variant), (), folder) as kubeconfig:
        command = [
            tool(helm),
            "install",
            RELEASE,
            CHART,
            "--namespace",
            NAMESPACE,
            "--values",
            values_of(variant),
        ]
        offline = ["--dry-run=client", "--disable-openapi-validation", "--kubeconfig", kubeconfig]
        printed = subprocess.run([*command, *offline], capture_output=True, text=True, check=True).stdout
    return printed.partition("NOTES:")[2]


@pytest.mark.parametrize("helm", HELMS)
def test_the_notes_of_a_first_install_say_how_to_sign_in_and_that_it_is_for_development(
    helm: str, tmp_path: Path
) -> None:
    told = notes(helm, "minimal", tmp_path)

    assert "DEVELOPMENT" in told
    assert "port-forward service/docuchat-portal 3000:3000" in told
    assert "create job --from=cronjob/docuchat-billing manual-billing --namespace docuchat-prod" in told
    assert "backend.accounts create-user" in told


def test_the_notes_of_production_have_its_address_and_no_word_of_development(tmp_path: Path) -> None:
    told = notes(NEWEST, "production", tmp_path)

    assert "Open https://portal.example.com\n" in told
    assert "DEVELOPMENT" not in told
    assert "port-forward" not in told
