"""Every setting of the product is wired in the chart or left out on purpose, and the product takes what it is given."""

import os
from typing import Any

import pytest
import yaml
from pydantic.fields import FieldInfo

from backend.config import Settings
from delivery.chart.containers import Store
from delivery.chart.manifests import pod_templates
from delivery.chart.pod_security import containers_of
from delivery.chart.rendering import NAMESPACE, Manifest, variants
from delivery.chart.values import VALUES
from delivery.dockerfile import stages_of
from tests.delivery.chart.conftest import NEWEST, rendered_by
from tests.guards.rules import ROOT

OURS = {"portal", "jobs", "billing", "runner"}
LEFT_OUT = {
    "TIMEZONE": "another value than the default stops the start",
    "KUBECONFIG": "processes ask Kubernetes by the account of their pod",
    "PROMETHEUS_BEARER_TOKEN": "pods read it from a file, which follows the Secret",
    "RUNNER_KUBECONFIG": "only runs that are processes of the same machine need it; here each is a Job",
}
# What the product's own default does not fit: ten web pods share one PostgreSQL, and the release knows its namespace.
OWN_DEFAULTS = {"DATABASE_POOL_SIZE": 5, "USAGE_SELECTOR": ""}
FIELDS: dict[str, FieldInfo] = {name.upper(): field for name, field in Settings.model_fields.items()}
CHART_SETTINGS: dict[str, Any] = yaml.safe_load(VALUES.read_text())["settings"]


def given_names(manifests: list[Manifest]) -> set[str]:
    """The variables that processes of the portal get."""
    settings = next(each for each in manifests if each["metadata"]["name"] == "docuchat-settings")
    return set(settings["data"]) | {
        variable["name"]
        for pod in pod_templates(manifests, NAMESPACE)
        if pod.component in OURS
        for container in containers_of(pod.spec)
        for variable in container.get("env") or ()
    }


def test_every_setting_is_wired_or_left_out_on_purpose() -> None:
    images = stages_of(ROOT / "Dockerfile")
    wired = set(CHART_SETTINGS) | set(images["web"].env) | set(images["jobs"].env)
    for variant in ("everything", "production", "operator"):
        wired |= given_names(rendered_by(NEWEST, variant))

    assert FIELDS.keys() - wired == LEFT_OUT.keys()


def test_the_chart_gives_no_variable_that_the_product_does_not_know() -> None:
    for variant in variants():
        assert given_names(rendered_by(NEWEST, variant)) <= FIELDS.keys(), variant


def test_defaults_of_the_chart_are_those_of_the_product() -> None:
    defaults = {name: FIELDS[name].default for name in CHART_SETTINGS}

    assert CHART_SETTINGS | OWN_DEFAULTS == CHART_SETTINGS
    assert {
        name: value
        for name, value in CHART_SETTINGS.items()
        if name not in OWN_DEFAULTS and value != type(value)(defaults[name])
    } == {}


@pytest.mark.parametrize("variant", [each for each in variants() if each != "existing-secrets"])
def test_the_product_takes_what_every_process_is_given(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = rendered_by(NEWEST, variant)
    store = Store.of(manifests)
    for name in list(os.environ):
        monkeypatch.delenv(name)

    for pod in pod_templates(manifests, NAMESPACE):
        if pod.component in OURS:
            for container in containers_of(pod.spec):
                with monkeypatch.context() as process:
                    for name, value in store.environment(pod, container).items():
                        process.setenv(name, value)
                    assert Settings().is_production is (variant == "production"), pod.owner
