"""`compose.yaml` is what the compose program takes, opens nothing but loopback, and names only what there is."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from backend.config import DEFAULT_METRICS_TOKEN, Settings
from backend.sandbox.postgres import REPOSITORY
from tests.delivery.compose.model import FILE, compose, is_one_shot, services, stack

PORTS = {
    "portal": [3000, 8090],
    "docuchat": [8000],
    "grafana": [3001],
    "prometheus": [9090],
    "alertmanager": [9093],
    "mail": [8025],
}


def schema_faults(file: Path) -> str:
    """What the schema of the compose specification finds; empty when nothing."""
    program = Path(sys.executable).with_name("check-jsonschema")
    check = [program, "--builtin-schema", "vendor.compose-spec", file]
    run = subprocess.run(check, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else run.stdout


def changed(folder: Path, **services: dict[str, object]) -> Path:
    """The file with some services' keys replaced."""
    document = yaml.safe_load(FILE.read_text())
    for name, keys in services.items():
        document["services"][name] |= keys
    file = folder / "compose.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def test_the_compose_program_and_the_schema_take_the_file() -> None:
    assert compose("config", "--quiet").stderr == ""
    assert schema_faults(FILE) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"volumes": ["nowhere:/state"]}, id="no such volume"),
        pytest.param({"depends_on": {"nobody": {"condition": "service_started"}}}, id="no such service"),
        pytest.param({"networks": ["elsewhere"]}, id="no such network"),
    ],
)
def test_a_fault_is_seen_by_the_compose_program(tmp_path: Path, wrong: dict[str, object]) -> None:
    assert compose("config", "--quiet", file=changed(tmp_path, mail=wrong)).returncode != 0


def test_a_fault_is_seen_by_the_schema(tmp_path: Path) -> None:
    wrong = {"depends_on": {"openai": {"condition": "service_ready"}}}

    assert "service_ready" in schema_faults(changed(tmp_path, docuchat=wrong))


def test_everything_that_is_published_is_on_loopback_and_where_it_was_promised() -> None:
    published = {name: one["ports"] for name, one in services().items() if "ports" in one}

    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}
    assert {name: [int(port["published"]) for port in ports] for name, ports in published.items()} == PORTS


def test_every_service_that_stays_tells_of_its_health_and_no_other_is_waited_for_by_it() -> None:
    lasting = {name for name, one in services().items() if not is_one_shot(one)}
    awaited = {
        (target, how["condition"])
        for one in services().values()
        for target, how in one.get("depends_on", {}).items()
    }

    assert {name for name, one in services().items() if "healthcheck" in one} == lasting
    assert {name for name, condition in awaited if condition == "service_healthy"} <= lasting
    assert {name for name, condition in awaited if "completed" in condition} == set(services()) - lasting


def test_the_schema_is_migrated_before_web_and_jobs() -> None:
    def waits_for(name: str) -> set[str]:
        before = set(services()[name].get("depends_on", {}))
        return before.union(*(waits_for(each) for each in before)) if before else before

    for process in ("portal", "jobs"):
        assert {"migrations", "postgres"} <= waits_for(process)


def test_every_mounted_file_and_folder_is_one_of_the_charts() -> None:
    mounts = [
        Path(volume["source"])
        for one in services().values()
        for volume in one.get("volumes", ())
        if volume["type"] == "bind"
    ]

    assert len(mounts) > 6
    assert [str(path) for path in mounts if not path.exists()] == []
    assert {path.relative_to(REPOSITORY).parts[:3] for path in mounts} == {("charts", "docuchat", "files")}


def test_what_prometheus_reads_beside_its_file_is_mounted_beside_it() -> None:
    for name, needed in {
        "prometheus": {"prometheus.yml", "recording.yml", "alerts.yml", "secrets/metrics-token"},
        "alertmanager": {"alertmanager.yml", "secrets/alerts-token"},
    }.items():
        one = services()[name]
        targets = [each["target"] for each in (*one["volumes"], *one["configs"])]
        there = {path.removeprefix(f"/etc/{name}/") for path in targets if path.startswith("/etc/")}
        assert there == needed
    assert stack()["configs"]["metrics-token"]["content"] == DEFAULT_METRICS_TOKEN


def test_what_prometheus_and_alertmanager_look_for_is_a_service_on_that_port() -> None:
    config = yaml.safe_load((REPOSITORY / "charts/docuchat/files/prometheus/prometheus.yml").read_text())
    wanted = {
        (name, sd["port"])
        for each in config["scrape_configs"]
        for sd in each.get("dns_sd_configs", ())
        for name in sd["names"]
    }

    assert {name for name, _ in wanted} <= set(services())
    for name, port in wanted - {("jobs", 9102), ("alertmanager", 9093)}:
        assert port in {int(each["target"]) for each in services()[name]["ports"]}
    assert services()["jobs"]["environment"]["JOBS_METRICS_PORT"] == "9102"


def test_other_peoples_images_are_those_of_the_chart() -> None:
    values = yaml.safe_load((REPOSITORY / "charts/docuchat/values.yaml").read_text())
    same = ("redis", "prometheus", "alertmanager", "grafana")
    parts = {"postgres": "postgresql"} | {name: name for name in same}

    assert {name: services()[name]["image"] for name in parts} == {
        name: "{repository}:{tag}".format(**values[part]["image"]) for name, part in parts.items()
    }


def test_our_processes_are_given_settings_that_there_are() -> None:
    known = {name.upper() for name in Settings.model_fields}

    given = {
        name: set(one["environment"]) - known
        for name, one in services().items()
        if one["image"].startswith("docuchat/") and "environment" in one
    }

    assert given == {name: set() for name in ("docuchat", "jobs", "migrations", "people", "portal")}


def test_each_image_of_ours_is_built_once_and_pulled_by_nobody() -> None:
    """Builds of one tag run side by side, and the image store of newer engines refuses the second."""
    ours = {name: one for name, one in services().items() if one["image"].startswith("docuchat/")}
    building = {name: one for name, one in ours.items() if "build" in one}

    assert sorted(one["image"] for one in building.values()) == sorted(
        {one["image"] for one in ours.values()}
    )
    # A registry may know other images of these names.
    assert {one.get("pull_policy") for name, one in ours.items() if name not in building} == {"never"}
