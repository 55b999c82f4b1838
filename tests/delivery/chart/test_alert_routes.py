"""Whom alerts reach: the portal always, others by their routes, and other Alertmanagers at their addresses."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.sandbox import tools
from delivery.chart.rendering import CHART, Manifest, render, values_of
from tests.delivery.chart.conftest import NEWEST, rendered_by

SHIPPED = CHART / "files" / "prometheus" / "alertmanager.yml"


def file_of(manifests: list[Manifest], component: str) -> str:
    """The configuration of a monitoring program as its pod gets it."""
    name = f"docuchat-{component}"
    found = next(
        each for each in manifests if each["kind"] == "ConfigMap" and each["metadata"]["name"] == name
    )
    return str(found["data"][f"{component}.yml"])


def told(folder: Path, values: dict[str, Any], *labels: str) -> set[str]:
    """The receivers of an alert with these labels in a release with these values of ``alertmanager``."""
    given = [f"--set-json=alertmanager.{name}={json.dumps(value)}" for name, value in values.items()]
    config = folder / "alertmanager.yml"
    config.write_text(file_of(render(NEWEST, "--values", str(values_of("minimal")), *given), "alertmanager"))
    amtool = tools.monitoring().alertmanager.with_name("amtool")
    asked = [amtool, "config", "routes", "test", f"--config.file={config}", *labels]
    return set(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip().split(","))


def calling(name: str, **route: Any) -> dict[str, Any]:
    return {
        "receivers": [{"name": name, "webhook_configs": [{"url": "https://night.example.com/"}]}],
        "routes": [{"receiver": name, **route}],
    }


def test_a_dead_mans_switch_of_the_operator_hears_the_watchdog(tmp_path: Path) -> None:
    values = calling("deadman", matchers=['alertname="Watchdog"'])

    assert told(tmp_path, values, "alertname=Watchdog", "severity=none") == {"portal", "deadman"}
    assert told(tmp_path, values, "alertname=InvoicesHeld", "severity=warning") == {"portal"}


@pytest.mark.parametrize("goes_on", [{}, {"continue": True}])
def test_the_portal_hears_of_what_a_route_of_the_operator_takes(
    goes_on: dict[str, bool], tmp_path: Path
) -> None:
    values = calling("night", matchers=['severity="critical"'], **goes_on)

    assert told(tmp_path, values, "alertname=PortalDown", "severity=critical") == {"portal", "night"}


def test_the_operators_alertmanager_goes_on_where_the_file_does() -> None:
    made = next(each for each in rendered_by(NEWEST, "operator") if each["kind"] == "AlertmanagerConfig")
    shipped = yaml.safe_load(SHIPPED.read_text())

    assert [each.get("continue", False) for each in made["spec"]["route"]["routes"]] == [
        each.get("continue", False) for each in shipped["route"]["routes"]
    ]


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("https://alerts.example.com:9443", ("https", "alerts.example.com:9443", None)),
        ("http://mimir.example.com/alertmanager", ("http", "mimir.example.com:80", "/alertmanager")),
        ("http://mimir.example.com/a/b/", ("http", "mimir.example.com:80", "/a/b")),
        ("https://alerts.example.com/", ("https", "alerts.example.com:443", None)),
        ("http://[fd00::1]:9093/am", ("http", "[fd00::1]:9093", "/am")),
    ],
)
def test_another_alertmanager_is_told_at_its_whole_address(
    address: str, target: tuple[str, str, str | None], tmp_path: Path
) -> None:
    given = ["--set", "alertmanager.enabled=false", "--set", f"alertmanager.urls={address}"]
    config = yaml.safe_load(
        file_of(render(NEWEST, "--values", str(values_of("minimal")), *given), "prometheus")
    )
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({"alerting": config["alerting"]}))

    (other,) = config["alerting"]["alertmanagers"]
    assert (other["scheme"], other["static_configs"][0]["targets"][0], other.get("path_prefix")) == target
    checked = [tools.monitoring().promtool, "check", "config", tmp_path / "prometheus.yml"]
    assert subprocess.run(checked, capture_output=True, check=False).returncode == 0
