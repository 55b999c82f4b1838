"""The Dockerfile is clean, and what it installs is locked."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from delivery.dockerfile import stages_of
from portal.server import DRAIN_S
from tests.guards.rules import ROOT

HADOLINT = Path(sys.executable).with_name("hadolint")
LOCKS = sorted((ROOT / "delivery/requirements").glob("*.txt"))
_PINNED = re.compile(r"^([\w.-]+)==(\S+)( ;.*)? \\$", re.MULTILINE)


def pins(lock: Path) -> dict[str, tuple[str, str]]:
    """The packages of a lock file, each with its version and where it is needed."""
    return {name: (version, marker or "") for name, version, marker in _PINNED.findall(lock.read_text())}


def findings(dockerfile: str) -> str:
    """What hadolint says of it."""
    return subprocess.run(
        [HADOLINT, "-"], input=dockerfile, capture_output=True, text=True, check=False
    ).stdout


def test_the_dockerfile_has_no_finding() -> None:
    assert findings((ROOT / "Dockerfile").read_text()) == ""


def test_a_careless_dockerfile_has_findings() -> None:
    assert "DL3006" in findings("FROM debian\n")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_an_image_gets_the_versions_that_the_tests_ran_with(lock: Path) -> None:
    whole, part = pins(ROOT / "requirements.txt"), pins(lock)

    different = {name: pin for name, pin in part.items() if whole.get(name, ("", ""))[0] != pin[0]}

    assert len(part) > 80
    assert different == {}


def seconds_of(text: str) -> float:
    return float(text.removesuffix("s"))


def test_a_process_stays_for_two_scrapes_and_is_given_the_time_to() -> None:
    prometheus = yaml.safe_load((ROOT / "charts/docuchat/files/prometheus/prometheus.yml").read_text())
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    hold_s = float(stages_of(ROOT / "Dockerfile")["web"].env["METRICS_HOLD_S"])
    graces_s = [seconds_of(services[name]["stop_grace_period"]) for name in ("portal", "jobs")]
    for part in ("web", "jobs"):
        template = (ROOT / f"charts/docuchat/templates/{part}/deployment.yaml").read_text()
        graces_s += map(float, re.findall(r"terminationGracePeriodSeconds: (\d+)", template))

    assert hold_s == 2 * seconds_of(prometheus["global"]["scrape_interval"])
    assert len(graces_s) == 4
    assert min(graces_s) > hold_s + DRAIN_S


def test_the_tools_of_postgresql_are_of_the_servers_version() -> None:
    [tools] = re.findall(r"^ARG POSTGRES=postgres:(\d+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    server = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["postgres"]["image"]
    values = yaml.safe_load((ROOT / "charts/docuchat/values.yaml").read_text())["postgresql"]["image"]

    assert server.startswith(f"postgres:{tools}-")
    assert str(values["tag"]).split("-")[0].split(".")[0] == tools


def test_production_runs_as_nobody_and_writes_where_a_volume_is() -> None:
    stages = stages_of(ROOT / "Dockerfile")

    for name in ("web", "jobs"):
        assert stages[name].user == "10001:10001"
        assert {stages[name].env[each] for each in ("HOME", "TMPDIR")} <= set(stages[name].volumes)
        assert stages[name].entrypoint[:2] == ["tini", "--"]
        assert str(stages[name].ports[0]) in " ".join(stages[name].check)
