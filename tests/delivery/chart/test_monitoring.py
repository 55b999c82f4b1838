"""The monitoring of a release: its programs accept their files, find them where they look, and miss nobody."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.sandbox import tools
from delivery.chart.manifests import PodTemplate, pod_templates, secret_texts
from delivery.chart.rendering import CHART, NAMESPACE, ChartError, Manifest, render, values_of
from runbooks.actions.rotate_metrics_token import METRICS, SCRAPE
from tests.delivery.chart.conftest import CLOSED, NEWEST, rendered_by

FILES = CHART / "files"
# Neither has an exporter: what users notice of them, the portal tells.
NOT_SCRAPED = {"postgresql", "redis", "frontend"}
OWN_PROGRAMS = {"prometheus", "alertmanager", "grafana"}
# Whose Prometheus is neither the chart's nor the operator's has a configuration that the chart does not know.
CONFIGURED = [each for each in CLOSED if each != "outside-monitoring"]


@pytest.fixture(params=CONFIGURED)
def configured(request: pytest.FixtureRequest) -> list[Manifest]:
    return rendered_by(NEWEST, str(request.param))


def pod_of(manifests: list[Manifest], component: str) -> PodTemplate:
    return next(each for each in pod_templates(manifests, NAMESPACE) if each.component == component)


def laid_out(manifests: list[Manifest], pod: PodTemplate, volume: str, folder: Path) -> Path:
    """A projected volume of a pod as the kubelet lays it out."""
    sources = next(each for each in pod.spec["volumes"] if each["name"] == volume)["projected"]["sources"]
    for source in sources:
        kind, told = (
            ("ConfigMap", source["configMap"]) if "configMap" in source else ("Secret", source["secret"])
        )
        found = next(
            each
            for each in manifests
            if (each["kind"], each["metadata"]["name"]) == (kind, told["name"])
            and each["metadata"]["namespace"] == NAMESPACE
        )
        held = secret_texts(found) if kind == "Secret" else found["data"]
        paths = {each["key"]: each["path"] for each in told.get("items", ())} or {key: key for key in held}
        for key, path in paths.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(held[key])
    return folder


def complaints(*command: object) -> str:
    """What a program says when it is not content; nothing when it is."""
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    return run.stdout + run.stderr if run.returncode else ""


@pytest.mark.parametrize("variant", ["minimal", "everything", "no-ingress"])
def test_prometheus_and_alertmanager_accept_what_lies_in_their_pods(variant: str, tmp_path: Path) -> None:
    manifests = rendered_by(NEWEST, variant)
    programs = tools.monitoring()
    for component in ("prometheus", "alertmanager"):
        laid_out(manifests, pod_of(manifests, component), "configuration", tmp_path / component)

    promtool = [programs.promtool, "check", "config", tmp_path / "prometheus" / "prometheus.yml"]
    amtool = [programs.alertmanager.with_name("amtool"), "check-config"]

    assert complaints(*promtool) == ""
    assert complaints(*amtool, tmp_path / "alertmanager" / "alertmanager.yml") == ""
    token = yaml.safe_load((tmp_path / "alertmanager" / "alertmanager.yml").read_text())["receivers"][0][
        "webhook_configs"
    ][0]["http_config"]["authorization"]["credentials_file"]
    assert (tmp_path / "alertmanager" / token).read_text()


def test_prometheus_sends_the_token_that_a_rotation_hands_over() -> None:
    pod = pod_of(rendered_by(NEWEST, "minimal"), "prometheus")
    volume = next(each for each in pod.spec["volumes"] if each["name"] == "configuration")
    read = {
        each["secret"]["name"]: [item["key"] for item in each["secret"]["items"]]
        for each in volume["projected"]["sources"]
        if "secret" in each
    }

    assert read[METRICS.secret] == [SCRAPE]


def test_everything_that_the_release_starts_is_scraped_under_its_job(configured: list[Manifest]) -> None:
    started = {
        pod.component
        for pod in pod_templates(configured, NAMESPACE)
        if pod.kind in {"Deployment", "StatefulSet"}
    }
    monitors = {each["metadata"]["name"] for each in configured if each["kind"] == "ServiceMonitor"}
    if monitors:
        scraped = {name.removeprefix("docuchat-") for name in monitors}
    else:
        config = scrape_configs(configured)
        scraped = {"api" if job == "docuchat" else job for job in config}

    # `everything` has one more, as whoever runs an exporter would.
    assert scraped - started - {"postgres-exporter", "prometheus"} == set()
    assert started - scraped - NOT_SCRAPED == set()


def scrape_configs(manifests: list[Manifest]) -> dict[str, Any]:
    found = next(each for each in manifests if _is(each, "ConfigMap", "docuchat-prometheus"))
    config = yaml.safe_load(found["data"]["prometheus.yml"])
    return {each["job_name"]: each for each in config["scrape_configs"]}


def test_rules_are_those_of_the_files(configured: list[Manifest]) -> None:
    for name in ("recording", "alerts"):
        shipped = yaml.safe_load((FILES / "prometheus" / f"{name}.yml").read_text())
        made = [
            *(each["spec"] for each in configured if _is(each, "PrometheusRule", f"docuchat-{name}")),
            *(
                yaml.safe_load(each["data"][f"{name}.yml"])
                for each in configured
                if _is(each, "ConfigMap", "docuchat-prometheus")
            ),
        ]
        assert made == [shipped]


def test_a_docuchat_outside_the_release_is_scraped_and_may_be() -> None:
    manifests = render(
        NEWEST,
        *("--values", str(values_of("minimal"))),
        *(
            "--set",
            "prometheus.docuchat.host=api-pods.shop.svc",
            "--set",
            "prometheus.docuchat.namespace=shop",
        ),
    )

    job = scrape_configs(manifests)["docuchat"]
    assert job["dns_sd_configs"] == [{"names": ["api-pods.shop.svc"], "type": "A", "port": 8080}]
    assert job["relabel_configs"] == [{"target_label": "namespace", "replacement": NAMESPACE}]
    policy = next(each for each in manifests if each["metadata"]["name"] == "docuchat-to-docuchat-metrics")
    assert policy["spec"]["egress"] == [
        {
            "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}],
            "ports": [{"protocol": "TCP", "port": 8080}],
        }
    ]


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("prometheus.url=", "prometheus.url"),
        ("alertmanager.urls=", "alertmanager.urls"),
    ],
)
def test_the_operator_needs_the_addresses_of_what_it_runs(missing: str, sentence: str) -> None:
    with pytest.raises(ChartError, match=sentence):
        render(NEWEST, "--values", str(values_of("operator")), "--set", missing)


def test_without_an_own_prometheus_its_address_is_demanded() -> None:
    with pytest.raises(ChartError, match=r"prometheus\.url"):
        render(NEWEST, "--values", str(values_of("minimal")), "--set", "prometheus.enabled=false")


def matcher(told: dict[str, str]) -> str:
    return f'{told["name"]}{told["matchType"]}"{told["value"]}"'


def test_the_operators_routes_are_those_of_the_file() -> None:
    made = next(each for each in rendered_by(NEWEST, "operator") if each["kind"] == "AlertmanagerConfig")[
        "spec"
    ]
    shipped = yaml.safe_load((FILES / "prometheus" / "alertmanager.yml").read_text())

    assert [
        (
            [matcher(one) for one in rule["sourceMatch"]],
            [matcher(one) for one in rule["targetMatch"]],
            rule["equal"],
        )
        for rule in made["inhibitRules"]
    ] == [
        (rule["source_matchers"], rule["target_matchers"], rule["equal"]) for rule in shipped["inhibit_rules"]
    ]
    assert [[matcher(one) for one in route["matchers"]] for route in made["route"]["routes"]] == [
        route["matchers"] for route in shipped["route"]["routes"]
    ]
    webhook = made["receivers"][0]["webhookConfigs"][0]
    assert webhook["url"] == f"http://docuchat-portal.{NAMESPACE}.svc:3000/api/v1/alerts"
    assert webhook["httpConfig"]["authorization"]["credentials"] == {
        "name": "docuchat-alerts",
        "key": "token",
    }


@pytest.mark.parametrize("variant", ["minimal", "operator"])
def test_every_dashboard_is_handed_over_whole(variant: str) -> None:
    shipped = {path.name: json.loads(path.read_text()) for path in (FILES / "grafana").glob("*.json")}
    made = {
        name: json.loads(text)
        for each in rendered_by(NEWEST, variant)
        if each["kind"] == "ConfigMap"
        for name, text in each["data"].items()
        if name.endswith(".json")
    }

    assert made == shipped
    assert {"backend-overview.json", "token-usage.json"} <= made.keys()


def test_grafana_finds_dashboards_and_sources_where_it_looks() -> None:
    manifests = rendered_by(NEWEST, "minimal")
    pod = pod_of(manifests, "grafana")
    mounts = {each["name"]: each["mountPath"] for each in pod.spec["containers"][0]["volumeMounts"]}
    volumes = {each["name"]: each for each in pod.spec["volumes"]}
    held = next(
        each["data"] for each in manifests if each["metadata"]["name"] == "docuchat-grafana-provisioning"
    )
    placed = {each["path"]: held[each["key"]] for each in volumes["provisioning"]["configMap"]["items"]}

    shipped = FILES / "grafana" / "provisioning"
    assert placed == {str(path.relative_to(shipped)): path.read_text() for path in shipped.rglob("*.yml")}
    provider = yaml.safe_load(placed["dashboards/docuchat.yml"])["providers"][0]
    assert provider["options"]["path"] == mounts["dashboards"]
    assert mounts["provisioning"] == "/etc/grafana/provisioning"


@pytest.mark.parametrize("component", sorted(OWN_PROGRAMS))
def test_a_monitoring_program_has_a_host_only_where_one_is_given(component: str) -> None:
    def hosts(variant: str) -> list[str]:
        return [
            rule["host"]
            for each in rendered_by(NEWEST, variant)
            if _is(each, "Ingress", f"docuchat-{component}")
            for rule in each["spec"]["rules"]
        ]

    assert hosts("everything") == [f"{component}.example.com"]
    assert hosts("production") == []


def _is(manifest: Manifest, kind: str, name: str) -> bool:
    return (manifest["kind"], manifest["metadata"]["name"]) == (kind, name)
